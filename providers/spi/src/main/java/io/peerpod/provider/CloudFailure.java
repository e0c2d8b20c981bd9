// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

import java.time.Duration;
import java.util.Optional;

/** Why a call to the cloud did not do what was asked: the classes that the life-cycle acts on. */
public sealed interface CloudFailure {

    /** One sentence: the object, what was expected, what was seen, and the next step. No secret. */
    String message();

    /** Whose turn it is. */
    Actor actor();

    /** Who can do something about a failure. */
    enum Actor {
        USER,
        OPERATOR,
        CLOUD,
        US
    }

    /** The cloud asks to come back later. */
    record Throttled(String message, Optional<Duration> retryAfter) implements CloudFailure {
        @Override
        public Actor actor() {
            return Actor.CLOUD;
        }
    }

    /** No room for this VM here and now; another offering may have it. */
    record OutOfCapacity(String message, Actor actor) implements CloudFailure {}

    /** The request can never succeed as it is. */
    record Rejected(String message, Actor actor) implements CloudFailure {}

    /** Credentials are missing, wrong, expired or not allowed to do this. */
    record Unauthorised(String message) implements CloudFailure {
        @Override
        public Actor actor() {
            return Actor.OPERATOR;
        }
    }

    /** The request did not reach the cloud: nothing was done. */
    record Unreachable(String message) implements CloudFailure {
        @Override
        public Actor actor() {
            return Actor.OPERATOR;
        }
    }

    /** The request was sent and no answer came: it may have been done. Never treated as failure. */
    record OutcomeUnknown(String message) implements CloudFailure {
        @Override
        public Actor actor() {
            return Actor.CLOUD;
        }
    }
}
