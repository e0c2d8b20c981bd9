// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import io.peerpod.relay.RelayException.Failure;
import java.io.EOFException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.util.Locale;
import javax.net.ssl.SSLException;

/**
 * Why an attempt to reach a forwarder failed, in words that name whose turn it is.
 *
 * @param failure its class
 * @param refused whether a machine answered "nobody listens here", so that asking again soon costs little
 * @param words a clause for the operator
 */
record DialFailure(Failure failure, boolean refused, String words) {
    /** How far an attempt had come. */
    enum Stage {
        /** TCP connect. */
        CONNECT,
        /** TLS handshake. */
        HANDSHAKE,
        /** Health/Check through the tunnel. */
        PROBE
    }

    /** The agent answered, but not that it is well. */
    static DialFailure notReady(String answer) {
        return new DialFailure(
                Failure.AGENT,
                false,
                "the agent in the pod VM is not ready, its Health/Check answered " + answer
                        + "; see the agent's log in the VM");
    }

    /** A stage took too long. */
    static DialFailure timeout(Stage stage, long millis) {
        return switch (stage) {
            case CONNECT ->
                new DialFailure(
                        Failure.UNREACHABLE,
                        false,
                        "no answer to a TCP connect within " + millis
                                + " ms: the VM is still booting, or a security group, firewall or "
                                + "route keeps this node from the port");
            case HANDSHAKE ->
                new DialFailure(
                        Failure.TLS,
                        false,
                        "the TLS handshake was not finished within " + millis
                                + " ms: something listens on the port that is no forwarder, or "
                                + "packets of full size do not get through (MTU)");
            case PROBE ->
                new DialFailure(
                        Failure.AGENT,
                        false,
                        "the agent did not answer Health/Check within " + millis
                                + " ms: it has not started in the pod VM, or hangs");
        };
    }

    /** What an exception of a stage means. */
    static DialFailure of(Stage stage, Throwable cause) {
        return switch (cause) {
            case SocketTimeoutException _ -> timeout(stage, Dialer.CONNECT_TIMEOUT.toMillis());
            case SSLException e -> tls(e);
            case NoRouteToHostException e ->
                new DialFailure(
                        Failure.UNREACHABLE, false, message(e) + ": this node has no route to the pod VM's network");
            case ConnectException e
            when stage == Stage.CONNECT ->
                new DialFailure(
                        Failure.UNREACHABLE,
                        message(e).toLowerCase(Locale.ROOT).contains("refused"),
                        message(e)
                                + ": the VM is up and its forwarder does not listen yet; if that stays, see the forwarder's log in the VM");
            case EOFException _ -> closed(stage);
            case SocketException e when stage != Stage.CONNECT && message(e).contains("reset") -> closed(stage);
            default ->
                new DialFailure(
                        stage == Stage.PROBE
                                ? Failure.AGENT
                                : stage == Stage.HANDSHAKE ? Failure.TLS : Failure.UNREACHABLE,
                        false,
                        message(cause));
        };
    }

    private static DialFailure closed(Stage stage) {
        return switch (stage) {
            case CONNECT -> new DialFailure(Failure.UNREACHABLE, false, "the connection was closed at once");
            case HANDSHAKE ->
                new DialFailure(
                        Failure.TLS,
                        false,
                        "the peer closed the connection during the TLS handshake: it may not speak TLS (-disable-tls on one side only?)");
            case PROBE ->
                new DialFailure(
                        Failure.AGENT,
                        false,
                        "the forwarder closed the connection instead of answering Health/Check: it lost its agent, or does not accept this "
                                + "node's client certificate");
        };
    }

    private static DialFailure tls(SSLException exception) {
        for (Throwable cause = exception; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertPathValidatorException || cause instanceof CertificateException) {
                return new DialFailure(Failure.TLS, false, certificate(message(cause)));
            }
        }
        String text = message(exception);
        if (text.contains("Received fatal alert")) {
            return new DialFailure(
                    Failure.TLS,
                    false,
                    "the forwarder refused the TLS connection (" + text
                            + "): its client CA does not know this node's certificate, or the two "
                            + "sides share no version or cipher suite");
        }
        if (text.contains("Unsupported or unrecognized SSL message") || text.contains("plaintext")) {
            return new DialFailure(
                    Failure.TLS,
                    false,
                    "the peer does not speak TLS (" + text + "): -disable-tls on one side only, or another service");
        }
        return new DialFailure(Failure.TLS, false, "the TLS handshake failed: " + text);
    }

    private static String certificate(String text) {
        if (text.contains("No name matching") || text.contains("No subject alternative")) {
            return "the forwarder's certificate is for another name (" + text + "): another VM answers on this address";
        }
        if (text.contains("path") || text.contains("trust anchor")) {
            return "the forwarder's certificate is not trusted (" + text
                    + "): it does not come from the CA this node uses";
        }
        return "the forwarder's certificate is not accepted: " + text;
    }

    private static String message(Throwable cause) {
        String message = cause.getMessage();
        return message == null ? cause.getClass().getSimpleName() : message;
    }
}
