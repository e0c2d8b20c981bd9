// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import io.peerpod.doubles.EchoAgent;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/** {@code peerpod bench echo-agent}: serves until it is killed. */
final class EchoAgentCommand {
    private EchoAgentCommand() {}

    static void run(List<String> arguments, Map<String, String> environment)
            throws InvalidOptionsException, HelpRequestedException, IOException, InterruptedException {
        Options options = new Options("peerpod bench echo-agent");
        Option<Path> socket =
                options.add("socket", null, Parsers.path(), "/run/kata-containers/agent.sock", "unix socket to serve");
        Option<Peers> peers = options.add(
                "peers",
                null,
                Parsers.oneOf(Peers.class),
                "usual",
                "usual: a thread for each request; fast: answers where it reads");
        Settings settings = options.resolve(arguments, environment);
        Path path = settings.get(socket);
        EchoAgent agent = EchoAgent.listen(path, settings.get(peers) == Peers.USUAL);
        System.out.println("echo agent: it answers everything and does nothing, on " + path);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                agent.close();
            } catch (IOException e) {
                System.err.println("echo agent: closing " + path + ": " + e.getMessage());
            }
        }));
        new CountDownLatch(1).await();
    }
}
