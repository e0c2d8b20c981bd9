// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder;

import io.peerpod.forwarder.provision.GuestFiles;
import io.peerpod.forwarder.provision.Provision;
import io.peerpod.forwarder.provision.ProvisionException;
import io.peerpod.forwarder.provision.Sources;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import java.io.PrintStream;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** {@code process-user-data}: provisions the pod VM that it runs in (adaptor.md 1.5). */
public final class ProvisionMain {

    static final String PROGRAM = "process-user-data";
    private static final String COMMAND = "provision-files";
    private static final int LONGEST_TIMEOUT_SECONDS = 24 * 60 * 60;

    /** {@code -t180}, the value joined to the letter. */
    private static final Pattern JOINED_TIMEOUT = Pattern.compile("-t([0-9]+)");

    private final Options options =
            new Options(PROGRAM).acceptArguments(COMMAND + " (the only command: fetch the user data, write the files)");
    private final Option<Integer> timeout = options.add(
                    "user-data-fetch-timeout",
                    null,
                    Parsers.integer(1, LONGEST_TIMEOUT_SECONDS),
                    String.valueOf(Provision.DEFAULT_TIMEOUT.toSeconds()),
                    "How long user data is waited for, in seconds.")
            .alias("t");
    private final Option<Boolean> version =
            options.addSwitch("version", null, false, "Prints the version.").alias("v");
    private final Option<Sources.Place> source = options.add(
            "source",
            null,
            Parsers.of("one of auto, file, azure, aws, gcp, alibaba", Sources.Place::parse),
            "auto",
            "Where the user data is; auto takes the file if it exists, else asks the cloud that the firmware tables name.");
    private final Option<URI> endpoint = options.add(
            "metadata-endpoint",
            null,
            Parsers.of("an http address such as http://127.0.0.1:8080", ProvisionMain::httpAddress),
            null,
            "Address of the metadata service, instead of the cloud's own.");
    private final Option<Boolean> allowImdsV1 =
            options.addSwitch("allow-imds-v1", null, false, "Asks AWS without a session token where none can be had.");
    private final Option<Boolean> measuredOnly = options.addSwitch(
            "measured-only",
            null,
            false,
            "Refuses aa.toml and cdh.toml from the user data, which is not measured; initdata is.");
    private final Option<Path> root =
            options.add("root", null, Parsers.absolutePath(), "/", "The folder below which the guest's files are.");

    private final PrintStream out;
    private final PrintStream err;

    ProvisionMain(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    /** Runs the program. */
    public static void main(String[] arguments) {
        System.exit(new ProvisionMain(System.out, System.err).run(List.of(arguments)));
    }

    /** The exit code: 0 if all went well, 1 if not. */
    int run(List<String> arguments) {
        if (arguments.isEmpty() || arguments.equals(List.of("help"))) {
            out.print(options.help());
            return 0;
        }
        try {
            Settings settings = options.resolve(
                    arguments.stream()
                            .map(argument -> JOINED_TIMEOUT.matcher(argument).replaceFirst("-t=$1"))
                            .toList(),
                    Map.of());
            if (settings.get(version)) {
                out.println(PROGRAM + " " + Version.text());
                return 0;
            }
            if (!settings.arguments().equals(List.of(COMMAND))) {
                err.println(PROGRAM + ": expected the command '" + COMMAND + "', got '"
                        + String.join(" ", settings.arguments()) + "'; --help shows the flags");
                return 1;
            }
            provision(settings);
            return 0;
        } catch (HelpRequestedException e) {
            out.print(options.help());
            return 0;
        } catch (InvalidOptionsException e) {
            err.println(e.getMessage());
            return 1;
        } catch (ProvisionException e) {
            err.println(PROGRAM + ": " + e.getMessage());
            return 1;
        } catch (InterruptedException e) {
            err.println(PROGRAM + ": interrupted");
            return 1;
        }
    }

    private void provision(Settings settings) throws ProvisionException, InterruptedException {
        var files = new GuestFiles(settings.get(root));
        Sources sources = Sources.automatic(files).at(settings.get(source));
        if (settings.find(endpoint).isPresent()) {
            sources = sources.endpoint(settings.find(endpoint).get());
        }
        if (settings.get(allowImdsV1)) {
            sources = sources.awsWithoutToken();
        }
        new Provision(sources, files, settings.get(measuredOnly)).run(Duration.ofSeconds(settings.get(timeout)));
    }

    private static URI httpAddress(String text) {
        URI address = URI.create(text);
        if (!"http".equals(address.getScheme()) || address.getHost() == null) {
            throw new IllegalArgumentException("not an http address");
        }
        return address;
    }
}
