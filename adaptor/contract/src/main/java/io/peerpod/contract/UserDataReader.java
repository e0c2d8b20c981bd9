// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import io.peerpod.contract.UserData.File;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.Event.ID;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * Reads cloud-config from the parser's events: nothing is composed, so aliases cannot multiply and nesting cannot recurse.
 */
final class UserDataReader {
    static final String DOCUMENT = "user data";

    private static final LoadSettings SETTINGS = LoadSettings.builder()
            .setLabel(DOCUMENT)
            .setCodePointLimit(UserData.MAX_BYTES)
            .setUseMarks(true)
            .build();

    /** Keys that cloud-init knows but the reference's reader refuses. */
    private static final Set<String> CLOUD_INIT_KEYS =
            Set.of("owner", "permissions", "encoding", "append", "defer", "source");

    private final Iterator<Event> events;

    private UserDataReader(String text) {
        events = new Parse(SETTINGS).parseString(text).iterator();
    }

    static UserData read(byte[] bytes) throws ContractException {
        String text = Utf8.decode(DOCUMENT, bytes, UserData.MAX_BYTES);
        String firstLine = text.lines().findFirst().orElse("");
        if (!firstLine.stripTrailing().equals(UserData.HEADER)) {
            throw new ContractException(
                    DOCUMENT,
                    "line 1",
                    UserData.HEADER,
                    text.isEmpty()
                            ? "nothing; the cloud has not delivered it (yet)"
                            : ContractException.quoted(firstLine));
        }
        try {
            return new UserDataReader(text).document();
        } catch (MarkedYamlEngineException e) {
            // The full message quotes the document, which holds a key.
            String place = e.getProblemMark()
                    .map(mark -> "line " + (mark.getLine() + 1) + ", column " + (mark.getColumn() + 1))
                    .orElse("");
            throw new ContractException(DOCUMENT, place, "valid YAML", "something else");
        } catch (YamlEngineException e) {
            throw new ContractException(DOCUMENT, "", "valid YAML of printable characters", "something else");
        }
    }

    private UserData document() throws ContractException {
        expect(next(), ID.StreamStart, "a document");
        Event event = next();
        if (event.getEventId() == ID.StreamEnd) {
            return UserData.EMPTY; // the header alone
        }
        expect(event, ID.DocumentStart, "a document");
        List<File> files = files(next());
        expect(next(), ID.DocumentEnd, "the end of the document");
        expect(next(), ID.StreamEnd, "one document");
        return new UserData(files);
    }

    private List<File> files(Event top) throws ContractException {
        if (isNull(top)) {
            return List.of();
        }
        expect(top, ID.MappingStart, "write_files");
        List<File> files = List.of();
        boolean seen = false;
        for (Event key = next(); key.getEventId() != ID.MappingEnd; key = next()) {
            String name = scalar(key, "write_files");
            if (!name.equals("write_files")) {
                throw wrong(key, "write_files as the only key", ContractException.quoted(name));
            }
            if (seen) {
                throw wrong(key, "write_files once", "it for the second time");
            }
            seen = true;
            files = list(next());
        }
        return files;
    }

    private List<File> list(Event start) throws ContractException {
        if (isNull(start)) {
            return List.of();
        }
        expect(start, ID.SequenceStart, "a list of files");
        List<File> files = new ArrayList<>();
        Set<String> paths = new HashSet<>();
        for (Event item = next(); item.getEventId() != ID.SequenceEnd; item = next()) {
            expect(item, ID.MappingStart, "path and content of a file");
            if (files.size() == UserData.MAX_FILES) {
                throw wrong(item, "at most " + UserData.MAX_FILES + " files", "more");
            }
            File file = file(item);
            if (!paths.add(file.path())) {
                throw wrong(item, "each path once", ContractException.quoted(file.path()) + " for the second time");
            }
            files.add(file);
        }
        return files;
    }

    private File file(Event start) throws ContractException {
        String path = null;
        String content = null;
        for (Event key = next(); key.getEventId() != ID.MappingEnd; key = next()) {
            String name = scalar(key, "path or content");
            switch (name) {
                case "path" -> path = once(key, path, scalar(next(), "a path"));
                case "content" -> content = once(key, content, content(next()));
                default ->
                    throw wrong(
                            key,
                            "only path and content",
                            ContractException.quoted(name)
                                    + (CLOUD_INIT_KEYS.contains(name)
                                            ? "; cloud-init knows it, a pod VM's provisioning does not"
                                            : ""));
            }
        }
        if (path == null || !path.startsWith("/")) {
            throw wrong(start, "a file with an absolute path", path == null ? "none" : ContractException.quoted(path));
        }
        return new File(path, content == null ? "" : content);
    }

    private static String once(Event key, @Nullable String before, String value) throws ContractException {
        if (before != null) {
            throw wrong(key, "each key once", "one for the second time");
        }
        return value;
    }

    private static String content(Event event) throws ContractException {
        return isNull(event) ? "" : scalar(event, "a text");
    }

    private static boolean isNull(Event event) {
        return event instanceof ScalarEvent scalar
                && scalar.isPlain()
                && Set.of("", "~", "null").contains(scalar.getValue())
                && scalar.getTag().isEmpty()
                && scalar.getAnchor().isEmpty();
    }

    private static String scalar(Event event, String expected) throws ContractException {
        expect(event, ID.Scalar, expected);
        return ((ScalarEvent) event).getValue();
    }

    private static void expect(Event event, ID id, String expected) throws ContractException {
        boolean anchored = event instanceof NodeEvent node && node.getAnchor().isPresent();
        if (event instanceof AliasEvent || anchored) {
            throw wrong(event, expected + " without anchors and aliases", "one");
        }
        Optional<String> tag = event instanceof ScalarEvent scalar ? scalar.getTag() : Optional.empty();
        if (event.getEventId() != id || tag.isPresent()) {
            throw wrong(event, expected, tag.isPresent() ? "a tag" : name(event));
        }
    }

    private static String name(Event event) {
        return switch (event.getEventId()) {
            case Scalar -> "a text";
            case SequenceStart -> "a list";
            case MappingStart -> "keys";
            case SequenceEnd, MappingEnd, DocumentEnd, StreamEnd -> "an end";
            default -> "a further document";
        };
    }

    private Event next() {
        return events.next();
    }

    private static ContractException wrong(Event event, String expected, String seen) {
        String place =
                event.getStartMark().map(mark -> "line " + (mark.getLine() + 1)).orElse("");
        return new ContractException(DOCUMENT, place, expected, seen);
    }
}
