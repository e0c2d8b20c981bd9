// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import java.nio.file.Path;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One lock for each VM's folder, for all providers of this process: what they do to one VM goes one after another. A lock stays for
 * the process's life; a few dozen bytes for each VM name ever used.
 */
final class Turns {
    private static final ConcurrentHashMap<Path, ReentrantLock> LOCKS = new ConcurrentHashMap<>();

    private Turns() {}

    static ReentrantLock of(Path folder) {
        return LOCKS.computeIfAbsent(folder, key -> new ReentrantLock());
    }

    /** Whether somebody in this process is creating or deleting the VM right now. */
    static boolean isTaken(Path folder) {
        ReentrantLock lock = LOCKS.get(folder);
        return lock != null && lock.isLocked();
    }
}
