// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import io.peerpod.node.recorder.TextTable;
import io.peerpod.node.recorder.Words;
import io.peerpod.node.sweep.VmReport;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Settings;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.CloudProviderFactory;
import io.peerpod.provider.Owner;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.OrphanSweep;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * {@code peerpod vms [PROVIDER]}: every pod VM that the cloud has under this node's tags, and what the orphan sweep would do with it. Changes nothing. It
 * takes the daemon's own flags and variables, since it has to ask the same cloud for the same owner.
 */
public final class VmsCommand {
    private static final String PROGRAM = "peerpod vms";

    private VmsCommand() {}

    /** Asks the cloud and prints; the exit code. */
    public static int run(List<String> arguments, Map<String, String> environment, PrintStream out)
            throws InvalidOptionsException, HelpRequestedException, IOException {
        Map<String, CloudProviderFactory> providers = Main.providers();
        boolean named = !arguments.isEmpty() && !arguments.getFirst().startsWith("-");
        String name = named
                ? arguments.getFirst()
                : environment.getOrDefault(
                        "CLOUD_PROVIDER",
                        providers.size() == 1 ? providers.keySet().iterator().next() : "");
        CloudProviderFactory factory = providers.get(name);
        if (factory == null) {
            throw new InvalidOptionsException(
                    PROGRAM,
                    List.of((name.isEmpty() ? "no provider was named" : "there is no provider '" + name + "'")
                            + "; name one as the first word or in CLOUD_PROVIDER: "
                            + String.join(", ", providers.keySet())));
        }
        Options table = new Options(PROGRAM + " " + name);
        Option<Boolean> json = table.addSwitch("json", null, false, "print JSON");
        NodeOptions options = NodeOptions.declare(table, Main.hostName());
        factory.declare(table);
        Reload.Source source = new Reload.Source(
                PROGRAM,
                table,
                options,
                named ? arguments.subList(1, arguments.size()) : arguments,
                environment,
                _ -> List.of());
        Settings settings = source.settings();
        NodeConfig config = options.read(settings);
        Path journals = config.stateDir().resolve("journal");
        try (CloudProvider provider = factory.create(settings)) {
            VmReport report = new VmReport(provider, config.owner(), journals);
            out.print(settings.get(json) ? report.json() : text(report, config.owner()));
            return 0;
        } catch (CloudException | IllegalArgumentException | UncheckedIOException e) {
            throw new IOException(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the cloud was asked", e);
        }
    }

    private static String text(VmReport report, Owner owner) throws CloudException, InterruptedException {
        List<VmReport.Row> rows = report.rows();
        String head = "pod VMs of node " + owner.node() + " in cluster " + owner.cluster() + ": " + rows.size()
                + "; an orphan is at least " + Words.ago(report.grace()) + " old\n";
        if (rows.isEmpty()) {
            return head;
        }
        TextTable table = new TextTable("VM", "ADDRESS", "POD", "SANDBOX", "STATE", "AGE", "VERDICT", "REASON");
        for (VmReport.Row row : rows) {
            OrphanSweep.Verdict verdict = row.verdict();
            PodVm vm = verdict.vm();
            table.add(
                    vm.id(),
                    vm.addresses().stream().map(InetAddress::getHostAddress).collect(Collectors.joining(",")),
                    row.pod().orElse("-"),
                    Words.shortId(vm.token().sandboxId()),
                    vm.state().name().toLowerCase(Locale.ROOT),
                    verdict.age().map(Words::ago).orElse("?"),
                    verdict.kind().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                    verdict.reason());
        }
        return head + "\n" + table;
    }
}
