// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import com.google.protobuf.InvalidProtocolBufferException;
import io.peerpod.node.journal.wire.Cleaned;
import io.peerpod.node.journal.wire.Connected;
import io.peerpod.node.journal.wire.Ended;
import io.peerpod.node.journal.wire.Entry;
import io.peerpod.node.journal.wire.Landed;
import io.peerpod.node.journal.wire.LaunchIntended;
import io.peerpod.node.journal.wire.Machine;
import io.peerpod.node.journal.wire.VmDeleted;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.SandboxFact;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Facts to bytes and back. */
final class EntryCodec {
    private EntryCodec() {}

    static byte[] encode(JournalEntry entry) {
        return wire(entry).build().toByteArray();
    }

    /** For readers only: the pod's own data goes when the pod does. */
    static byte[] encodeWithoutInitdata(JournalEntry entry) {
        Entry.Builder wire = wire(entry);
        wire.getPreparedBuilder().clearInitdata();
        return wire.build().toByteArray();
    }

    private static Entry.Builder wire(JournalEntry entry) {
        Entry.Builder wire = Entry.newBuilder().setRecordedAtMicros(micros(entry.recordedAt()));
        switch (entry.fact()) {
            case SandboxFact.Prepared(var sandbox) -> wire.setPrepared(PlanCodec.encode(sandbox));
            case SandboxFact.LaunchIntended _ -> wire.setLaunchIntended(LaunchIntended.getDefaultInstance());
            case SandboxFact.CreateCallFailed(var failure) -> wire.setCreateCallFailed(FailureCodec.encode(failure));
            case SandboxFact.Launched(var vm) -> wire.setLaunched(machine(vm));
            case SandboxFact.Connected _ -> wire.setConnected(Connected.getDefaultInstance());
            case SandboxFact.StopIntended(var cause) -> wire.setStopIntended(FailureCodec.encode(cause));
            case SandboxFact.Landed(var vm) -> {
                Landed.Builder landed = Landed.newBuilder();
                vm.ifPresent(found -> landed.setMachine(machine(found)));
                wire.setLanded(landed);
            }
            case SandboxFact.VmDeleted _ -> wire.setVmDeleted(VmDeleted.getDefaultInstance());
            case SandboxFact.Cleaned _ -> wire.setCleaned(Cleaned.getDefaultInstance());
            case SandboxFact.Ended _ -> wire.setEnded(Ended.getDefaultInstance());
        }
        return wire;
    }

    /** Reads the facts of a journal file; notes among them are passed over. */
    static List<JournalEntry> decodeAll(RecordFormat.Content content) throws JournalException {
        List<JournalEntry> entries = new ArrayList<>();
        for (RecordFormat.Item item : content.records()) {
            if (item.version() == RecordFormat.FACT) {
                entries.add(decode(item.payload(), entries));
            } else if (item.version() != RecordFormat.NOTE) {
                throw new JournalException("entry " + (entries.size() + 1) + " has format version " + item.version()
                        + ", which a later release wrote and this one does not know");
            }
        }
        return entries;
    }

    /**
     * Reads one entry.
     *
     * @param before the entries before it; the first names the sandbox
     * @throws JournalException when it is not an entry that this release knows
     */
    static JournalEntry decode(byte[] payload, List<JournalEntry> before) throws JournalException {
        try {
            Entry wire = Entry.parseFrom(payload);
            return new JournalEntry(instant(wire.getRecordedAtMicros()), fact(wire, before));
        } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
            throw new JournalException("entry " + (before.size() + 1) + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static SandboxFact fact(Entry wire, List<JournalEntry> before) throws JournalException {
        return switch (wire.getFactCase()) {
            case PREPARED -> new SandboxFact.Prepared(PlanCodec.decode(wire.getPrepared()));
            case LAUNCH_INTENDED -> new SandboxFact.LaunchIntended();
            case CREATE_CALL_FAILED ->
                new SandboxFact.CreateCallFailed(FailureCodec.decode(wire.getCreateCallFailed()));
            case LAUNCHED -> new SandboxFact.Launched(vm(wire.getLaunched(), token(before)));
            case CONNECTED -> new SandboxFact.Connected();
            case STOP_INTENDED -> new SandboxFact.StopIntended(FailureCodec.decode(wire.getStopIntended()));
            case LANDED ->
                new SandboxFact.Landed(
                        wire.getLanded().hasMachine()
                                ? Optional.of(vm(wire.getLanded().getMachine(), token(before)))
                                : Optional.empty());
            case VM_DELETED -> new SandboxFact.VmDeleted();
            case CLEANED -> new SandboxFact.Cleaned();
            case ENDED -> new SandboxFact.Ended();
            case NOTE, FACT_NOT_SET ->
                throw new JournalException(
                        "entry " + (before.size() + 1) + " is of a kind that this release does not know");
        };
    }

    private static LaunchToken token(List<JournalEntry> before) throws JournalException {
        if (!before.isEmpty() && before.getFirst().fact() instanceof SandboxFact.Prepared(var sandbox)) {
            return sandbox.token();
        }
        throw new JournalException("it does not begin with the sandbox's preparation");
    }

    private static Machine machine(PodVm vm) {
        Machine.Builder wire = Machine.newBuilder().setId(vm.id());
        vm.addresses().forEach(address -> wire.addAddresses(PlanCodec.bytes(address)));
        vm.createdAt().ifPresent(at -> wire.setCreatedAtMicros(micros(at)));
        return wire.build();
    }

    private static PodVm vm(Machine wire, LaunchToken token) {
        return new PodVm(
                wire.getId(),
                token,
                PodVm.State.RUNNING,
                wire.getAddressesList().stream().map(PlanCodec::address).toList(),
                wire.getCreatedAtMicros() == 0 ? Optional.empty() : Optional.of(instant(wire.getCreatedAtMicros())),
                Optional.empty());
    }

    static long micros(Instant instant) {
        return ChronoUnit.MICROS.between(Instant.EPOCH, instant);
    }

    static Instant instant(long micros) {
        return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }
}
