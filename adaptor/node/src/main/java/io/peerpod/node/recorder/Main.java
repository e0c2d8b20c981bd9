// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.node.VmsCommand;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** {@code peerpod pods}, {@code peerpod why} and {@code peerpod vms}: what operators ask a node. */
public final class Main {
    private static final int USAGE_ERROR = 64;

    private static final String USAGE = """
            Usage: peerpod COMMAND [flags]     (COMMAND -help lists the flags)

              pods                the sandboxes of this node: pod, VM, state, since when, last failure
              why POD|SANDBOX     the story of one: every step, where the time went, what failed and whose turn it is
              vms [PROVIDER]      the pod VMs that the cloud has of this node, and what the orphan sweep would do with each

            They read the daemon's journals and work whether or not it runs; pods and why need nothing but the right to read the state folder.
            """;

    private Main() {}

    /** Runs a command; exits 0 when it could answer, 1 when not, 64 on wrong use. */
    public static void main(String[] arguments) {
        try (PrintStream out = stream(FileDescriptor.out);
                PrintStream err = stream(FileDescriptor.err)) {
            int code = run(List.of(arguments), System.getenv(), out, err);
            out.flush();
            err.flush();
            // Not exit: a thread that waits for a relay that hangs is not to be waited for.
            Runtime.getRuntime().halt(code);
        }
    }

    private static PrintStream stream(FileDescriptor descriptor) {
        return new PrintStream(new FileOutputStream(descriptor), false, StandardCharsets.UTF_8);
    }

    /** As {@link #main}, with everything given and the exit code answered. */
    public static int run(List<String> arguments, Map<String, String> environment, PrintStream out, PrintStream err) {
        String command = arguments.isEmpty() ? "" : arguments.getFirst();
        List<String> rest = arguments.isEmpty() ? List.of() : arguments.subList(1, arguments.size());
        try {
            return switch (command) {
                case "pods" -> PodsCommand.run(rest, environment, out);
                case "why" -> WhyCommand.run(rest, environment, out);
                case "vms" -> VmsCommand.run(rest, environment, out);
                case "-h", "-help", "--help", "help" -> {
                    out.print(USAGE);
                    yield 0;
                }
                default -> {
                    err.print(USAGE);
                    yield USAGE_ERROR;
                }
            };
        } catch (HelpRequestedException e) {
            out.print(e.getMessage());
            return 0;
        } catch (InvalidOptionsException e) {
            err.println(e.getMessage());
            return USAGE_ERROR;
        } catch (IOException e) {
            err.println("peerpod " + command + ": " + e.getMessage());
            return 1;
        }
    }
}
