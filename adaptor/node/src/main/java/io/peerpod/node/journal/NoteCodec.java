// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import com.google.protobuf.InvalidProtocolBufferException;
import io.peerpod.node.journal.wire.Entry;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/** Stages to bytes and back. */
final class NoteCodec {
    private static final int MAX_DETAIL_CHARACTERS = 500;
    private static final int MAX_MESSAGE_CHARACTERS = 2_000;

    private NoteCodec() {}

    static byte[] encode(NoteEntry entry) {
        Note note = entry.note();
        io.peerpod.node.journal.wire.Note.Builder wire = io.peerpod.node.journal.wire.Note.newBuilder()
                .setStage(stage(note.stage()))
                .setDetail(shortened(note.detail(), MAX_DETAIL_CHARACTERS))
                .setFactsBefore(entry.factsBefore())
                .setTookMicros(note.took().map(NoteCodec::micros).orElse(0L));
        note.failure()
                .ifPresent(failure -> wire.setFailure(io.peerpod.node.journal.wire.Failure.newBuilder()
                        .setKind(failure.kind())
                        .setMessage(shortened(failure.message(), MAX_MESSAGE_CHARACTERS))
                        .setActor(FailureCodec.encode(failure.actor()))));
        return Entry.newBuilder()
                .setRecordedAtMicros(EntryCodec.micros(entry.recordedAt()))
                .setNote(wire)
                .build()
                .toByteArray();
    }

    /** Empty when it is not a note, as far as this release can tell. */
    static Optional<NoteEntry> decode(byte[] payload) {
        try {
            Entry wire = Entry.parseFrom(payload);
            if (!wire.hasNote()) {
                return Optional.empty();
            }
            io.peerpod.node.journal.wire.Note note = wire.getNote();
            Instant at = EntryCodec.instant(wire.getRecordedAtMicros());
            return Optional.of(new NoteEntry(
                    at,
                    note.getFactsBefore(),
                    new Note(
                            stage(note.getStage()),
                            Optional.of(at),
                            note.getDetail(),
                            note.getTookMicros() == 0
                                    ? Optional.empty()
                                    : Optional.of(Duration.of(note.getTookMicros(), ChronoUnit.MICROS)),
                            note.hasFailure() ? Optional.of(failure(note.getFailure())) : Optional.empty())));
        } catch (InvalidProtocolBufferException e) {
            return Optional.empty();
        }
    }

    private static Note.Failure failure(io.peerpod.node.journal.wire.Failure wire) {
        return new Note.Failure(wire.getKind(), wire.getMessage(), FailureCodec.decode(wire.getActor()));
    }

    private static io.peerpod.node.journal.wire.Stage stage(Stage stage) {
        return stage == Stage.UNKNOWN
                ? io.peerpod.node.journal.wire.Stage.STAGE_UNSPECIFIED
                : io.peerpod.node.journal.wire.Stage.valueOf(stage.name());
    }

    private static Stage stage(io.peerpod.node.journal.wire.Stage wire) {
        return switch (wire) {
            case UNRECOGNIZED, STAGE_UNSPECIFIED -> Stage.UNKNOWN;
            default -> Stage.valueOf(wire.name());
        };
    }

    private static long micros(Duration took) {
        return Math.max(1, took.toNanos() / 1_000);
    }

    private static String shortened(String text, int most) {
        return text.length() <= most ? text : text.substring(0, most - 1) + "\u2026";
    }
}
