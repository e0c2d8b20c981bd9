// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

/** An event that cannot reach a state, or a fact that cannot follow it: a defect of ours, or a journal that is not ours. */
public final class IllegalTransitionException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    IllegalTransitionException(SandboxState state, Record what) {
        super(what.getClass().getSimpleName() + " cannot follow "
                + state.getClass().getSimpleName());
    }
}
