// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import io.grpc.StatusException;
import io.peerpod.network.libc.Constants;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReentrantLock;

/** A container: its first process and those that were executed in it later, by exec id. */
final class Container {
    private final String id;
    private final GuestProcess init;
    private final ReentrantLock lock = new ReentrantLock();

    /** Waited for and answered ones are gone; the first process is under the empty id. */
    private final Map<String, GuestProcess> processes = new HashMap<>();

    Container(String id, GuestProcess init) {
        this.id = id;
        this.init = init;
        processes.put("", init);
    }

    String id() {
        return id;
    }

    GuestProcess init() {
        return init;
    }

    /** The first process's id in the VM, for entering its namespaces. */
    int runningInit() throws StatusException, InterruptedException {
        OptionalInt pid = init.isRunning() ? init.pid() : OptionalInt.empty();
        return pid.orElseThrow(() -> AgentErrors.internal("cannot execute in a container that is not running: " + id));
    }

    /** Adds a process under a new exec id. */
    void add(String execId, GuestProcess process) throws StatusException {
        lock.lock();
        try {
            if (execId.isEmpty() || execId.equals(id) || processes.putIfAbsent(execId, process) != null) {
                throw AgentErrors.internal("exec id '" + execId + "' is empty or in use");
            }
        } finally {
            lock.unlock();
        }
    }

    /** A process that nobody has fetched the status of yet; the container's own id stands for the first one, too. */
    GuestProcess find(String execId, StatusException missing) throws StatusException {
        lock.lock();
        try {
            GuestProcess found = processes.get(execId.equals(id) ? "" : execId);
            if (found == null) {
                throw missing;
            }
            return found;
        } finally {
            lock.unlock();
        }
    }

    /** Waits for a process's end; who waits at the same time gets the status, too, who comes later does not. */
    int await(String execId) throws StatusException, InterruptedException {
        GuestProcess process = find(execId, AgentErrors.wrappedInvalidExec());
        int status = process.awaitExit();
        forget(execId.equals(id) ? "" : execId);
        return status;
    }

    /** Takes a process out that could not be started. */
    void forget(String execId) {
        lock.lock();
        try {
            processes.remove(execId);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Sends a signal to one process, or with the empty exec id to the first one; SIGKILL of that one ends all. As a PID namespace's
     * first process does not feel a SIGTERM that it has no handler for, it gets a SIGKILL then, as the real agent does it.
     */
    void signal(String execId, int number) throws StatusException, InterruptedException {
        if (!execId.isEmpty() && !execId.equals(id)) {
            find(execId, AgentErrors.wrappedInvalidExec()).signal(number);
            return;
        }
        if (init.hasEnded()) {
            return;
        }
        int sent = number;
        OptionalInt pid = init.pid();
        if (number == Constants.SIGTERM && pid.isPresent() && !GuestProcesses.catches(pid.getAsInt(), number)) {
            sent = Constants.SIGKILL;
        }
        try {
            init.signal(sent);
        } catch (StatusException e) {
            if (!init.hasEnded() && init.pid().isPresent()) {
                throw e;
            }
        }
    }

    /** Every process that it has in the VM. */
    List<Integer> pids() throws InterruptedException {
        OptionalInt first = init.isRunning() ? init.pid() : OptionalInt.empty();
        return first.isPresent() ? GuestProcesses.companionsOf(first.getAsInt()) : List.of();
    }

    /** Ends everything of it and waits for that. */
    void destroy() throws InterruptedException {
        List<GuestProcess> all;
        lock.lock();
        try {
            all = new ArrayList<>(processes.values());
        } finally {
            lock.unlock();
        }
        all.remove(init);
        all.add(init);
        for (GuestProcess process : all) {
            process.kill();
        }
        for (GuestProcess process : all) {
            process.awaitExit();
            process.discard();
        }
    }
}
