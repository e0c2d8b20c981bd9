// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.node.recorder.Spent.Phase;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** One story as text: who, what failed, the steps, where the time went. */
final class WhyText {
    private static final int WIDTH = 100;
    private static final int LABEL_WIDTH = 10;

    private final Story story;
    private final List<Story> others;
    private final Instant now;
    private final StringBuilder text = new StringBuilder();

    WhyText(Story story, List<Story> others, Instant now) {
        this.story = story;
        this.others = others;
        this.now = now;
    }

    @Override
    public String toString() {
        text.setLength(0);
        head();
        story.failure().ifPresent(this::failure);
        if (!story.steps().isEmpty()) {
            steps();
            spent(Phase.START, "START");
            spent(Phase.RUN, "RUN");
            spent(Phase.STOP, "STOP");
        }
        if (!others.isEmpty()) {
            text.append("\nother sandboxes of this pod: ");
            text.append(String.join(
                    ", ",
                    others.stream()
                            .map(other -> Words.shortId(other.sandboxId()) + " (" + other.stateWord() + ")")
                            .toList()));
            text.append('\n');
        }
        return text.toString();
    }

    private void head() {
        line("pod", story.pod());
        line("sandbox", story.sandboxId());
        String name = story.sandbox().map(known -> known.token().instanceName()).orElse("-");
        line(
                "VM",
                name
                        + story.vm()
                                .map(vm -> ", id " + vm.id() + ", " + PodsCommand.addresses(vm))
                                .orElse(", none seen"));
        line(
                "state",
                story.stateWord() + " since " + Words.day(story.since()) + " ("
                        + Words.ago(Duration.between(story.since(), now)) + " ago)");
    }

    private void failure(Diagnosis failure) {
        text.append('\n');
        line("FAILURE", failure.kind().summary());
        line("object", failure.object());
        line("seen", failure.seen());
        line("expected", failure.expected());
        line("turn", Words.actor(failure.turn()));
        line("next", failure.next());
    }

    /** A label and its text, wrapped and indented. */
    private void line(String label, String words) {
        StringBuilder line = new StringBuilder(label + " ".repeat(LABEL_WIDTH - label.length()));
        boolean empty = true;
        for (String word : TextTable.plain(words).split(" ", -1)) {
            if (!empty && line.length() + 1 + word.length() > WIDTH) {
                text.append(line).append('\n');
                line = new StringBuilder(" ".repeat(LABEL_WIDTH));
                empty = true;
            }
            line.append(empty ? "" : " ").append(word);
            empty = false;
        }
        text.append(line.toString().stripTrailing()).append('\n');
    }

    private void steps() {
        text.append("\nSTEPS (UTC; * is durable)\n");
        TextTable table = new TextTable("AT", "AFTER", "TOOK", "STEP", "");
        Instant first = story.begun();
        for (Step step : story.steps()) {
            table.add(
                    Words.clock(step.at()),
                    Words.took(Duration.between(first, step.at())),
                    step.took().map(Words::took).orElse(""),
                    (step.fact() ? "* " : "  ") + step.name(),
                    words(step));
        }
        text.append(table);
    }

    /** What is said at the top already is not said again. */
    private String words(Step step) {
        return story.failure()
                .filter(failure -> step.failed() && step.words().endsWith(": " + failure.seen()))
                .map(failure -> step.words()
                                .substring(
                                        0,
                                        step.words().length() - failure.seen().length()) + "see 'seen'")
                .orElse(step.words());
    }

    private void spent(Phase phase, String title) {
        Map<Spent, Duration> sums = new EnumMap<>(Spent.class);
        List<Spent> open = new ArrayList<>();
        Instant from = Instant.MAX;
        Instant to = Instant.MIN;
        for (Span span : story.spans()) {
            if (span.spent().phase() != phase) {
                continue;
            }
            sums.merge(span.spent(), span.length(), Duration::plus);
            if (span.open()) {
                open.add(span.spent());
            }
            from = span.from().isBefore(from) ? span.from() : from;
            to = span.to().isAfter(to) ? span.to() : to;
        }
        if (sums.isEmpty()) {
            return;
        }
        Duration whole = Duration.between(from, to);
        text.append("\n")
                .append(title)
                .append(" took ")
                .append(Words.took(whole))
                .append('\n');
        TextTable table = new TextTable("STAGE", "TOOK", "SHARE", "");
        sums.forEach((spent, sum) -> table.add(
                spent.label(),
                Words.took(sum) + (open.contains(spent) ? " so far" : ""),
                Words.share(sum, whole),
                spent.words()));
        text.append(table);
    }
}
