// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** SIGTERM and SIGINT: the first asks for the end, the second is the end (adaptor.md 1.6). SIGHUP asks for a reload. */
public final class StopSignals {
    private final CountDownLatch asked = new CountDownLatch(1);
    private final AtomicInteger count = new AtomicInteger();

    private StopSignals() {}

    /** Listens from now on. */
    public static StopSignals install() {
        StopSignals signals = new StopSignals();
        listen(List.of("TERM", "INT"), signals::received);
        return signals;
    }

    /** Runs the action at every SIGHUP from now on, on a thread of its own. */
    public static void onHangUp(Runnable action) {
        listen(List.of("HUP"), action);
    }

    /**
     * By reflection, since the compiler warns of every use of the one class that can tell a second signal from the first; where a JDK lacks
     * it the first signal ends the process at once.
     */
    private static void listen(List<String> names, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object listener =
                    Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, (_, method, _) -> {
                        if (method.getName().equals("handle")) {
                            action.run();
                        }
                        return method.getName().equals("hashCode") ? Integer.valueOf(1) : null;
                    });
            for (String name : names) {
                signal.getMethod("handle", signal, handler)
                        .invoke(null, signal.getConstructor(String.class).newInstance(name), listener);
            }
        } catch (ReflectiveOperationException e) {
            System.err.println("this JDK tells of no signals: " + e);
        }
    }

    /** Waits for the first one. */
    public void await() throws InterruptedException {
        asked.await();
    }

    private void received() {
        if (count.incrementAndGet() > 1) {
            Runtime.getRuntime().halt(1);
        }
        asked.countDown();
    }
}
