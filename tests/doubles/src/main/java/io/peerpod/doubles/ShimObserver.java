// SPDX-License-Identifier: Apache-2.0
package io.peerpod.doubles;

import java.time.Duration;

/** Is told of each call that a shim made. */
@FunctionalInterface
public interface ShimObserver {
    /** Sees nothing. */
    ShimObserver NONE = (call, took) -> {};

    /** The call was answered. */
    void answered(String call, Duration took);
}
