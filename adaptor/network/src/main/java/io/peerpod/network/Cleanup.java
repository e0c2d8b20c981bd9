// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Steps of a clean-up that do not stop each other: the first failure is kept, the others are suppressed onto it. */
final class Cleanup {
    private @Nullable Exception first;

    void attempt(NetworkNamespace.Action step) {
        try {
            step.run();
        } catch (IOException | RuntimeException e) {
            if (first == null) {
                first = e;
            } else {
                first.addSuppressed(e);
            }
        }
    }

    void suppressOnto(Exception cause) {
        if (first != null) {
            cause.addSuppressed(first);
        }
    }

    void throwFirst() throws IOException {
        switch (first) {
            case null -> {}
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            default -> throw new IOException(first);
        }
    }
}
