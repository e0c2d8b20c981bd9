// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Settings;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** {@code peerpod why POD|SANDBOX}: the story of one sandbox. */
final class WhyCommand {
    private WhyCommand() {}

    static int run(List<String> arguments, Map<String, String> environment, PrintStream out)
            throws InvalidOptionsException, HelpRequestedException, IOException {
        Options table = new Options("peerpod why").acceptArguments("POD|SANDBOX");
        Option<Path> stateDir = StateFolder.option(table);
        Option<Boolean> json = table.addSwitch("json", null, false, "print JSON");
        Settings settings = table.resolve(arguments, environment);
        if (settings.arguments().size() != 1) {
            throw new InvalidOptionsException(
                    "peerpod why",
                    List.of(
                            "one pod (NAMESPACE/NAME or NAME) or sandbox (its id or the beginning of it) is to be named; "
                                    + settings.arguments().size() + " were. 'peerpod pods -all' lists them"));
        }
        Instant now = Instant.now();
        List<Story> stories = new StateFolder(settings.get(stateDir)).stories(now);
        List<Story> meant = Selection.of(stories, settings.arguments().getFirst());
        Story story = meant.getFirst();
        List<Story> others = meant.subList(1, meant.size());
        out.print(
                settings.get(json)
                        ? JsonText.of(StoryJson.why(story, others))
                        : new WhyText(story, others, now).toString());
        return 0;
    }
}
