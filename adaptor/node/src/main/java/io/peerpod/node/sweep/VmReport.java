// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.sweep;

import io.peerpod.node.journal.DiskStorage;
import io.peerpod.node.journal.JournalEntry;
import io.peerpod.node.journal.JournalReader;
import io.peerpod.node.journal.JournalReader.Recording;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.IllegalTransitionException;
import io.peerpod.sandbox.OrphanSweep;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.SandboxLifecycle;
import io.peerpod.sandbox.SandboxState;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** The dry run of a sweep, without a daemon: every VM of this worker with its owner, age and verdict, as JSON. Changes nothing. */
public final class VmReport {
    private final Owner owner;
    private final Path journals;
    private final VmInventory inventory;
    private final Map<LaunchToken, Sandbox> sandboxes = new HashMap<>();

    public VmReport(CloudProvider provider, Owner owner, Path journals) {
        this.owner = owner;
        this.journals = journals;
        this.inventory = new VmInventory(provider, owner, this::known, Clock.systemUTC());
    }

    /**
     * A VM and what the sweep would do with it.
     *
     * @param pod whose it is, as its journal says
     */
    public record Row(OrphanSweep.Verdict verdict, Optional<String> pod) {}

    /** Every VM of this worker. */
    public List<Row> rows() throws CloudException, InterruptedException {
        return inventory.look().stream()
                .map(verdict -> new Row(
                        verdict,
                        Optional.ofNullable(sandboxes.get(verdict.vm().token()))
                                .map(sandbox -> sandbox.pod().toString())))
                .toList();
    }

    /** The least age of an orphan. */
    public Duration grace() {
        return inventory.grace();
    }

    /** One JSON object, with a line for each VM. */
    public String json() throws CloudException, InterruptedException {
        List<OrphanSweep.Verdict> verdicts = inventory.look();
        String vms = verdicts.stream().map(this::vm).collect(Collectors.joining(",\n  "));
        return "{\"cluster\":" + text(owner.cluster()) + ",\"node\":" + text(owner.node()) + ",\"journals\":"
                + text(journals.toString()) + ",\"graceSeconds\":"
                + inventory.grace().toSeconds() + ",\"vms\":["
                + (vms.isEmpty() ? "" : "\n  " + vms + "\n") + "]}\n";
    }

    private OrphanSweep.Known known() {
        Set<LaunchToken> tokens = new HashSet<>();
        Set<String> setAside = new HashSet<>();
        if (!Files.isDirectory(journals)) {
            return new OrphanSweep.Known(tokens, setAside);
        }
        try {
            for (Recording recording : new JournalReader(journals, new DiskStorage()).read()) {
                if (recording.endedAt().isPresent()) {
                    continue;
                }
                Optional<Sandbox> sandbox = recording.damage().isPresent() ? Optional.empty() : sandboxOf(recording);
                sandbox.ifPresentOrElse(
                        known -> {
                            tokens.add(known.token());
                            sandboxes.put(known.token(), known);
                        },
                        () -> setAside.add(recording.sandboxId()));
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException("the journals in " + journals + " cannot be read", e);
        }
        return new OrphanSweep.Known(tokens, setAside);
    }

    private static Optional<Sandbox> sandboxOf(Recording recording) {
        SandboxState state = new SandboxState.Absent();
        try {
            for (JournalEntry entry : recording.facts()) {
                SandboxFact fact = entry.fact();
                state = SandboxLifecycle.evolve(state, fact);
            }
        } catch (IllegalTransitionException e) {
            return Optional.empty();
        }
        return SandboxState.sandboxOf(state);
    }

    private String vm(OrphanSweep.Verdict verdict) {
        PodVm vm = verdict.vm();
        String pod = Optional.ofNullable(sandboxes.get(vm.token()))
                .map(sandbox -> text(sandbox.pod().toString()))
                .orElse("null");
        return "{\"id\":" + text(vm.id()) + ",\"name\":" + text(vm.token().instanceName()) + ",\"sandbox\":"
                + text(vm.token().sandboxId()) + ",\"pod\":" + pod + ",\"state\":" + word(vm.state())
                + ",\"addresses\":"
                + vm.addresses().stream()
                        .map(InetAddress::getHostAddress)
                        .map(VmReport::text)
                        .collect(Collectors.joining(",", "[", "]"))
                + ",\"createdAt\":"
                + vm.createdAt().map(at -> text(at.toString())).orElse("null")
                + ",\"ageSeconds\":"
                + verdict.vm()
                        .createdAt()
                        .flatMap(_ -> verdict.age())
                        .map(Duration::toSeconds)
                        .map(String::valueOf)
                        .orElse("null")
                + ",\"verdict\":" + word(verdict.kind()) + ",\"reason\":" + text(verdict.reason()) + "}";
    }

    private static String word(Enum<?> constant) {
        return text(constant.name().toLowerCase(Locale.ROOT).replace('_', '-'));
    }

    static String text(String text) {
        StringBuilder out = new StringBuilder("\"");
        text.chars().forEach(c -> {
            if (c == '"' || c == '\\') {
                out.append('\\').append((char) c);
            } else if (c < 0x20 || c > 0x7e) {
                out.append("\\u%04x".formatted(c));
            } else {
                out.append((char) c);
            }
        });
        return out.append('"').toString();
    }
}
