// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import java.util.concurrent.Semaphore;

/** How many of something may run at once; fair, and can be changed meanwhile. */
final class Limit extends Semaphore {
    private static final long serialVersionUID = 1;

    private int size;

    Limit(int size) {
        super(size, true);
        this.size = size;
    }

    /** What is too much now ends by itself; nothing new begins before. */
    synchronized void resize(int newSize) {
        if (newSize > size) {
            release(newSize - size);
        } else {
            reducePermits(size - newSize);
        }
        size = newSize;
    }
}
