// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** The processes that an echo agent pretends to run: each only has an end. */
final class EchoProcesses {
    private final Map<String, EchoProcess> processes = new ConcurrentHashMap<>();

    /** The process, made when it is first heard of. */
    EchoProcess of(String containerId, String execId) {
        return processes.computeIfAbsent(key(containerId, execId), key -> new EchoProcess());
    }

    /** Ends every process of a container, or of all containers when the id is empty. */
    void endAll(String containerId, int code) {
        processes.forEach((key, process) -> {
            if (containerId.isEmpty() || key.startsWith(containerId + "/")) {
                process.end(code);
                processes.remove(key);
            }
        });
    }

    private static String key(String containerId, String execId) {
        return containerId + "/" + (execId.isEmpty() ? containerId : execId);
    }

    /** One pretended process. */
    static final class EchoProcess {
        private final List<IntConsumer> waiting = new ArrayList<>();
        private @Nullable Integer exitCode;
        private boolean greeted;

        /** True for the first caller only. */
        synchronized boolean greet() {
            boolean first = !greeted;
            greeted = true;
            return first;
        }

        /** Ends it, once. */
        void end(int code) {
            List<IntConsumer> told;
            synchronized (this) {
                if (exitCode != null) {
                    return;
                }
                exitCode = code;
                told = List.copyOf(waiting);
                waiting.clear();
            }
            told.forEach(one -> one.accept(code));
        }

        /** Calls back with the exit code, at once if it has ended. */
        void onEnd(IntConsumer told) {
            int code;
            synchronized (this) {
                if (exitCode == null) {
                    waiting.add(told);
                    return;
                }
                code = exitCode;
            }
            told.accept(code);
        }
    }
}
