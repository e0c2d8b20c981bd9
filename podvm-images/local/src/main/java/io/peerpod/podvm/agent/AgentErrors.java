// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import io.grpc.Status;
import io.grpc.StatusException;

/**
 * Errors in the words and codes that shims know from the real agent: almost all are INTERNAL, and the code that matters is inside the
 * text.
 */
final class AgentErrors {
    private AgentErrors() {}

    /** INTERNAL with that text. */
    static StatusException internal(String message) {
        return Status.INTERNAL.withDescription(message).asException();
    }

    /** A container that is not there, where the agent gives the code itself (Stats, Update, Pause, Resume). */
    static StatusException invalidContainer() {
        return Status.INVALID_ARGUMENT.withDescription("invalid container id").asException();
    }

    /** A container that is not there, everywhere else. */
    static StatusException wrappedInvalidContainer() {
        return internal("rpc status: Status { code: INVALID_ARGUMENT, message: \"invalid container id\" }");
    }

    /** A process that is not there, where the agent gives the code itself (CloseStdin, TtyWinResize). */
    static StatusException invalidExec() {
        return Status.NOT_FOUND.withDescription("InvalidExecId").asException();
    }

    /** A process that is not there, everywhere else. */
    static StatusException wrappedInvalidExec() {
        return internal("rpc status: Status { code: NOT_FOUND, message: \"InvalidExecId\" }");
    }

    /** A process that has ended; the Go shim looks for this text. */
    static StatusException noSuchProcess() {
        return internal("ESRCH: No such process");
    }

    /** A file that is not there; with the path, which the real agent leaves out. */
    static StatusException noSuchFile(String path) {
        return internal("ENOENT: No such file or directory: " + path);
    }

    /** A terminal whose process has ended. */
    static StatusException inputOutputError() {
        return internal("Input/output error (os error 5)");
    }

    /** Everything else that went wrong in here. */
    static StatusException failed(String what, Exception cause) {
        return Status.INTERNAL
                .withDescription(what + ": " + cause.getMessage())
                .withCause(cause)
                .asException();
    }
}
