// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** Which sandbox somebody means. */
final class Selection {
    private static final int MOST_NAMED = 10;

    private Selection() {}

    /**
     * The sandbox that is meant, and behind it the others of the same pod, latest first. A pod is named as NAMESPACE/NAME or NAME, a
     * sandbox by its id or an unambiguous beginning of it, a VM by its name.
     *
     * @throws IOException when nothing or more than one thing is meant, in words
     */
    static List<Story> of(List<Story> stories, String asked) throws IOException {
        for (Predicate<Story> way : List.<Predicate<Story>>of(
                story -> story.sandboxId().equals(asked),
                story -> story.pod().equals(asked),
                story -> story.sandbox()
                        .filter(known -> known.pod().name().equals(asked)
                                || known.token().instanceName().equals(asked))
                        .isPresent(),
                story -> !asked.isEmpty() && story.sandboxId().startsWith(asked))) {
            List<Story> found = stories.stream()
                    .filter(way)
                    .sorted(Comparator.comparing(Story::begun).reversed())
                    .toList();
            if (!found.isEmpty()) {
                return one(found, asked);
            }
        }
        throw new IOException("no journal tells of a pod or sandbox '" + TextTable.plain(asked)
                + "': it never reached this node's daemon, ran on another node, or ended too long ago. "
                + (stories.isEmpty() ? "There are no journals at all" : "There are: " + names(stories)));
    }

    private static List<Story> one(List<Story> found, String asked) throws IOException {
        Set<String> pods = found.stream().map(Story::pod).collect(Collectors.toCollection(TreeSet::new));
        boolean samePod = pods.size() == 1 && !pods.contains("-");
        if (found.size() > 1 && !samePod) {
            throw new IOException("'" + TextTable.plain(asked) + "' may be any of " + names(found)
                    + "; name one of them by NAMESPACE/NAME or by more of its sandbox id");
        }
        return found;
    }

    private static String names(List<Story> stories) {
        String names = stories.stream()
                .limit(MOST_NAMED)
                .map(story -> story.pod() + " (" + Words.shortId(story.sandboxId()) + ")")
                .collect(Collectors.joining(", "));
        return TextTable.plain(names)
                + (stories.size() > MOST_NAMED ? " and " + (stories.size() - MOST_NAMED) + " more" : "");
    }
}
