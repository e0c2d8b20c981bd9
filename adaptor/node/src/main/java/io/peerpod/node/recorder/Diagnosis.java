// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.provider.CloudFailure.Actor;

/**
 * A failure in words.
 *
 * @param kind its class
 * @param object what it happened to
 * @param seen what was seen
 * @param turn whose turn it is
 */
record Diagnosis(FailureKind kind, String object, String seen, Actor turn) {

    /** What should have been seen instead. */
    String expected() {
        return kind.expected();
    }

    /** What whoever's turn it is can do. */
    String next() {
        return kind.next();
    }
}
