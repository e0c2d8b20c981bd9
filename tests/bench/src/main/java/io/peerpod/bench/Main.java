// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import java.util.List;
import java.util.Map;

/** {@code peerpod bench}: measures the product as whole processes. */
public final class Main {
    private static final String USAGE = """
            Usage: peerpod bench COMMAND [flags]     (COMMAND -help lists the flags)

              relay       shim side -> relay -> TLS -> forwarder -> echo agent, beside the same client straight at the echo agent
              start       start of the daemon, StartVM and StopVM on the local cloud
              load        the load of 'relay' on any socket that speaks the agent's protocol
              echo-agent  the agent of 'relay' on a socket of its own
            """;

    private Main() {}

    /** Runs a command; exits 0 when it measured without an error, 1 on failure, 64 on wrong use. */
    public static void main(String[] arguments) {
        System.exit(run(List.of(arguments), System.getenv()));
    }

    private static int run(List<String> arguments, Map<String, String> environment) {
        String command = arguments.isEmpty() ? "" : arguments.getFirst();
        List<String> rest = arguments.isEmpty() ? List.of() : arguments.subList(1, arguments.size());
        try {
            switch (command) {
                case "relay" -> RelayBench.run(rest, environment);
                case "start" -> StartBench.run(rest, environment);
                case "load" -> LoadCommand.run(rest, environment);
                case "echo-agent" -> EchoAgentCommand.run(rest, environment);
                case "-h", "-help", "--help", "help" -> System.out.print(USAGE);
                default -> {
                    System.err.print(USAGE);
                    return 64;
                }
            }
            return 0;
        } catch (HelpRequestedException e) {
            System.out.print(e.getMessage());
            return 0;
        } catch (InvalidOptionsException e) {
            System.err.println(e.getMessage());
            return 64;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 130;
        } catch (Exception e) {
            System.err.println("peerpod bench " + command + " failed: " + e.getMessage());
            if (Boolean.getBoolean("peerpod.trace")) {
                e.printStackTrace();
            }
            return 1;
        }
    }
}
