// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** SIGTERM and SIGINT: the first one asks for an orderly end, the second one ends at once with exit code 1 (adaptor.md 1.6). */
final class StopSignals {

    private static final Logger log = LoggerFactory.getLogger(StopSignals.class);

    private final CountDownLatch asked = new CountDownLatch(1);
    private final AtomicInteger count = new AtomicInteger();

    private StopSignals() {}

    /** Listens from now on. */
    static StopSignals install() {
        var signals = new StopSignals();
        try {
            signals.listen();
        } catch (ReflectiveOperationException e) {
            log.atWarn().setCause(e).log("this JDK tells us of no signals; a stop will end the process at once");
        }
        return signals;
    }

    /**
     * The JDK has one class that tells the first signal from the second, and its compiler warns of every use by name, which our build
     * takes for an error; hence by reflection.
     */
    private void listen() throws ReflectiveOperationException {
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        Object listener = Proxy.newProxyInstance(
                handler.getClassLoader(), new Class<?>[] {handler}, (proxy, method, arguments) -> {
                    if (method.getName().equals("handle")) {
                        received();
                    }
                    return answer(proxy, method.getName(), arguments);
                });
        for (String name : List.of("TERM", "INT")) {
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), listener);
        }
    }

    private void received() {
        if (count.incrementAndGet() > 1) {
            Runtime.getRuntime().halt(1);
        }
        asked.countDown();
    }

    @SuppressWarnings("ReferenceEquality") // the proxy is equal to itself only, and asking it would come here again
    private static @Nullable Object answer(Object proxy, String method, Object @Nullable [] arguments) {
        return switch (method) {
            case "equals" -> arguments != null && proxy == arguments[0];
            case "hashCode" -> System.identityHashCode(proxy);
            case "toString" -> "StopSignals";
            default -> null;
        };
    }

    /** Waits for the first one. */
    void await() throws InterruptedException {
        asked.await();
    }
}
