// SPDX-License-Identifier: Apache-2.0
package io.peerpod.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * What the demo's containers run: one listens, the other speaks to it over the pod network.
 *
 * <p>{@code listen PORT COUNT} answers that many speakers and ends with 0; {@code say ADDRESS PORT TEXT} speaks once and ends with 3 when it was
 * answered, so that an exit code other than 0 can be seen to arrive.
 */
public final class PodTalk {
    private static final int PATIENCE_MILLIS = 10_000;
    private static final int ANSWERED = 3;

    private PodTalk() {}

    /** See the class. */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length == 3 && arguments[0].equals("listen")) {
            listen(Integer.parseInt(arguments[1]), Integer.parseInt(arguments[2]));
        } else if (arguments.length == 4 && arguments[0].equals("say")) {
            System.exit(say(arguments[1], Integer.parseInt(arguments[2]), arguments[3]));
        } else {
            System.err.println("usage: PodTalk listen PORT COUNT | say ADDRESS PORT TEXT");
            System.exit(64);
        }
    }

    private static void listen(int port, int count) throws IOException {
        try (ServerSocket server = new ServerSocket(port)) {
            server.setSoTimeout(6 * PATIENCE_MILLIS);
            System.out.println("listening");
            for (int i = 0; i < count; i++) {
                try (Socket speaker = server.accept()) {
                    speaker.setSoTimeout(PATIENCE_MILLIS);
                    String heard = lines(speaker).readLine();
                    System.out.println(speaker.getInetAddress().getHostAddress() + " said: " + heard);
                    out(speaker)
                            .println("heard '" + heard + "' at "
                                    + speaker.getLocalAddress().getHostAddress());
                }
            }
        }
    }

    private static int say(String address, int port, String text) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.ofLiteral(address), port), PATIENCE_MILLIS);
            socket.setSoTimeout(PATIENCE_MILLIS);
            out(socket).println(text);
            String answer = lines(socket).readLine();
            System.out.println("from " + socket.getLocalAddress().getHostAddress() + ": the other pod " + answer);
            return answer == null ? 1 : ANSWERED;
        }
    }

    private static BufferedReader lines(Socket socket) throws IOException {
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    }

    private static PrintStream out(Socket socket) throws IOException {
        return new PrintStream(socket.getOutputStream(), true, StandardCharsets.UTF_8);
    }
}
