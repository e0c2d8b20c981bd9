// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Settings;
import io.peerpod.provider.PodVm;
import io.peerpod.relay.SessionStatus;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** {@code peerpod pods}: a line for every sandbox of this node. */
final class PodsCommand {
    /** How long one that is gone is shown without {@code -all}. */
    static final Duration LATELY = Duration.ofMinutes(15);

    private static final int FAILURE_CHARACTERS = 60;

    private PodsCommand() {}

    static int run(List<String> arguments, Map<String, String> environment, PrintStream out)
            throws InvalidOptionsException, HelpRequestedException, IOException {
        Options table = new Options("peerpod pods");
        Option<Path> stateDir = StateFolder.option(table);
        Option<Boolean> json = table.addSwitch("json", null, false, "print JSON");
        Option<Boolean> all = table.addSwitch(
                "all",
                null,
                false,
                "also sandboxes that have been gone for more than " + LATELY.toMinutes()
                        + " minutes and whose journals are kept");
        Settings settings = table.resolve(arguments, environment);
        Instant now = Instant.now();
        StateFolder folder = new StateFolder(settings.get(stateDir));
        List<Story> stories = folder.stories(now).stream()
                .filter(story -> settings.get(all)
                        || story.endedAt()
                                .filter(end -> end.isBefore(now.minus(LATELY)))
                                .isEmpty())
                .toList();
        Optional<Map<String, SessionStatus>> sessions = Optional.empty();
        String remark = "";
        try {
            sessions = Optional.of(folder.sessions());
        } catch (IOException e) {
            remark = String.valueOf(e.getMessage());
        }
        out.print(
                settings.get(json)
                        ? JsonText.of(StoryJson.pods(stories, sessions, remark))
                        : text(stories, sessions, remark, now));
        return 0;
    }

    private static String text(
            List<Story> stories, Optional<Map<String, SessionStatus>> sessions, String remark, Instant now) {
        StringBuilder text = new StringBuilder();
        if (stories.isEmpty()) {
            text.append("no sandboxes\n");
        } else {
            TextTable table =
                    new TextTable("POD", "SANDBOX", "VM", "ADDRESS", "STATE", "SINCE", "AGENT SESSION", "LAST FAILURE");
            for (Story story : stories) {
                table.add(
                        story.pod(),
                        Words.shortId(story.sandboxId()),
                        story.vm().map(PodVm::id).orElse("-"),
                        story.vm().map(PodsCommand::addresses).orElse("-"),
                        story.stateWord(),
                        Words.ago(Duration.between(story.since(), now)),
                        sessions.map(known -> session(known.get(story.sandboxId())))
                                .orElse("?"),
                        story.failure().map(PodsCommand::failure).orElse("-"));
            }
            text.append(table);
        }
        if (!remark.isEmpty()) {
            text.append('\n').append(TextTable.plain(remark)).append('\n');
        }
        return text.toString();
    }

    static String addresses(PodVm vm) {
        return vm.addresses().stream().map(InetAddress::getHostAddress).collect(Collectors.joining(","));
    }

    private static String session(@org.jspecify.annotations.Nullable SessionStatus session) {
        if (session == null) {
            return "-";
        }
        String state = session.state().name().toLowerCase(Locale.ROOT);
        return session.state() == SessionStatus.State.READY
                ? state + ", " + session.shimConnections()
                        + (session.shimConnections() == 1 ? " connection" : " connections")
                : state;
    }

    private static String failure(Diagnosis failure) {
        String text = failure.kind().label() + ": " + failure.kind().summary();
        return text.length() <= FAILURE_CHARACTERS ? text : text.substring(0, FAILURE_CHARACTERS - 1) + "\u2026";
    }
}
