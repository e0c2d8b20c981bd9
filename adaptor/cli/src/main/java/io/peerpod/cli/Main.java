// SPDX-License-Identifier: Apache-2.0
package io.peerpod.cli;

import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import java.util.List;
import java.util.Map;

/** The {@code peerpod} command as far as it is Java. */
public final class Main {
    private static final String USAGE = """
            Usage: peerpod COMMAND [flags]     (COMMAND -help lists the flags)

              demo     two pods, each in its own VM, on the local cloud
              doctor   what this machine lacks, and how to mend it
            """;

    private Main() {}

    /** Runs a command; exits 0 when all held, 1 when something did not, 64 on wrong use, 130 when interrupted. */
    public static void main(String[] arguments) {
        System.exit(run(List.of(arguments), System.getenv()));
    }

    private static int run(List<String> arguments, Map<String, String> environment) {
        String command = arguments.isEmpty() ? "" : arguments.getFirst();
        List<String> rest = arguments.isEmpty() ? List.of() : arguments.subList(1, arguments.size());
        try {
            return switch (command) {
                case "demo" -> Demo.run(rest, environment);
                case "doctor" -> Doctor.run(rest, environment);
                case "-h", "-help", "--help", "help" -> {
                    System.out.print(USAGE);
                    yield 0;
                }
                default -> {
                    System.err.print(USAGE);
                    yield 64;
                }
            };
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
            System.err.println("peerpod " + command + " failed: " + (e.getMessage() == null ? e : e.getMessage()));
            return 1;
        }
    }
}
