// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.recorder;

import io.peerpod.provider.PodVm;
import io.peerpod.relay.SessionStatus;
import io.peerpod.sandbox.Sandbox;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What {@code -json} prints. Names stay; more may come. Times are ISO 8601 in UTC, lengths of time are seconds. */
final class StoryJson {
    private StoryJson() {}

    static Map<String, Object> pods(List<Story> stories, Optional<Map<String, SessionStatus>> sessions, String remark) {
        List<Object> sandboxes = new ArrayList<>();
        for (Story story : stories) {
            Map<String, Object> one = head(story);
            one.put(
                    "agentSession",
                    sessions.flatMap(known -> Optional.ofNullable(known.get(story.sandboxId())))
                            .map(StoryJson::session));
            one.put("failure", story.failure().map(StoryJson::failure));
            sandboxes.add(one);
        }
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("sandboxes", sandboxes);
        document.put("relayAnswered", sessions.isPresent());
        document.put("remark", remark.isEmpty() ? Optional.empty() : remark);
        return document;
    }

    static Map<String, Object> why(Story story, List<Story> others) {
        Map<String, Object> document = head(story);
        document.put("failure", story.failure().map(StoryJson::failure));
        document.put("damage", story.damage());
        List<Object> steps = new ArrayList<>();
        for (Step step : story.steps()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("at", step.at());
            one.put("name", step.name());
            one.put("durable", step.fact());
            one.put("took", step.took());
            one.put("words", step.words());
            one.put("failed", step.failed());
            steps.add(one);
        }
        document.put("steps", steps);
        List<Object> spans = new ArrayList<>();
        for (Span span : story.spans()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("stage", span.spent().label());
            one.put("phase", span.spent().phase().name().toLowerCase(Locale.ROOT));
            one.put("from", span.from());
            one.put("took", span.length());
            one.put("goingOn", span.open());
            spans.add(one);
        }
        document.put("spent", spans);
        document.put(
                "otherSandboxesOfThePod", others.stream().map(Story::sandboxId).toList());
        return document;
    }

    private static Map<String, Object> head(Story story) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("namespace", story.sandbox().map(known -> known.pod().namespace()));
        one.put("pod", story.sandbox().map(known -> known.pod().name()));
        one.put("sandbox", story.sandboxId());
        one.put("vmName", story.sandbox().map(Sandbox::token).map(token -> token.instanceName()));
        one.put("vm", story.vm().map(PodVm::id));
        one.put(
                "addresses",
                story.vm().map(PodVm::addresses).orElse(List.of()).stream()
                        .map(InetAddress::getHostAddress)
                        .toList());
        one.put("state", story.stateWord());
        one.put("since", story.since());
        return one;
    }

    private static Map<String, Object> session(SessionStatus session) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("state", session.state().name().toLowerCase(Locale.ROOT));
        one.put("shimConnections", session.shimConnections());
        one.put("reason", session.reason());
        return one;
    }

    static Map<String, Object> failure(Diagnosis failure) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("kind", failure.kind().label());
        one.put("summary", failure.kind().summary());
        one.put("object", failure.object());
        one.put("seen", failure.seen());
        one.put("expected", failure.expected());
        one.put("turn", failure.turn().name().toLowerCase(Locale.ROOT));
        one.put("next", failure.next());
        return one;
    }
}
