// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.UnexpectedEndOfInputException;
import tools.jackson.core.json.JsonFactory;

/**
 * A JSON value with its path, asked for by type. Keys are found in any case, as by Go's reader; a key that is given twice, which
 * Go would merge, is refused. Null counts as absent.
 */
final class JsonTree {
    /** Brackets within brackets; the format needs 4. */
    static final int MAX_DEPTH = 32;

    /** Characters of one text; the longest are certificates. */
    static final int MAX_TEXT_CHARACTERS = 1 << 18;

    private static final int MAX_NAME_CHARACTERS = 1024;
    private static final int MAX_NUMBER_CHARACTERS = 64;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxStringLength(MAX_TEXT_CHARACTERS)
                    .maxNameLength(MAX_NAME_CHARACTERS)
                    .maxNumberLength(MAX_NUMBER_CHARACTERS)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .build();

    private final String document;
    private final String path;
    private final @Nullable Object value;

    private JsonTree(String document, String path, @Nullable Object value) {
        this.document = document;
        this.path = path;
        this.value = value;
    }

    /**
     * Reads the first value of a document; what follows it is not looked at.
     *
     * @param maxBytes longer documents are refused unread
     */
    static JsonTree read(String document, byte[] bytes, int maxBytes) throws ContractException {
        String text = Utf8.decode(document, bytes, maxBytes);
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            JsonToken token = parser.nextToken();
            if (token == null) {
                throw new ContractException(document, "", "a JSON object", "no JSON at all");
            }
            return new JsonTree(document, "", value(parser, token));
        } catch (StreamConstraintsException e) {
            throw new ContractException(
                    document,
                    "",
                    "at most " + MAX_DEPTH + " nested brackets and " + MAX_TEXT_CHARACTERS + " characters a text",
                    "more");
        } catch (UnexpectedEndOfInputException e) {
            throw new ContractException(document, "", "a complete JSON value", "the end of the document within one");
        } catch (JacksonException e) {
            // Its own message may quote the document, which holds a key.
            String place = e.getLocation() == null
                    ? ""
                    : "line " + e.getLocation().getLineNr() + ", column "
                            + e.getLocation().getColumnNr();
            boolean duplicate = String.valueOf(e.getOriginalMessage()).contains("Duplicate");
            throw new ContractException(
                    document, place, "valid JSON", duplicate ? "a key for the second time" : "something else");
        }
    }

    /** Recursion is bounded by the parser's nesting limit. */
    private static @Nullable Object value(JsonParser parser, JsonToken token) {
        return switch (token) {
            case START_OBJECT -> {
                Map<String, @Nullable Object> members = new LinkedHashMap<>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String name = parser.currentName();
                    members.put(name, value(parser, parser.nextToken()));
                }
                yield members;
            }
            case START_ARRAY -> {
                List<@Nullable Object> elements = new ArrayList<>();
                for (JsonToken next = parser.nextToken(); next != JsonToken.END_ARRAY; next = parser.nextToken()) {
                    elements.add(value(parser, next));
                }
                yield elements;
            }
            case VALUE_STRING -> parser.getString();
            case VALUE_NUMBER_INT -> integer(parser);
            case VALUE_NUMBER_FLOAT -> Double.NaN; // no key of ours has fractions: only the kind matters
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            default -> null;
        };
    }

    /** A number beyond 64 bits is as wrong as a fraction. */
    private static Object integer(JsonParser parser) {
        return parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                ? Double.NaN
                : (Object) parser.getLongValue();
    }

    String path() {
        return path;
    }

    /** An object's member; empty if it is absent or null. */
    Optional<JsonTree> member(String name) throws ContractException {
        if (!(value instanceof Map<?, ?> members)) {
            throw wrong("an object");
        }
        JsonTree found = null;
        for (Map.Entry<?, ?> entry : members.entrySet()) {
            String key = String.valueOf(entry.getKey());
            if (!key.toLowerCase(Locale.ROOT).equals(name)) {
                continue;
            }
            if (found != null) {
                throw new ContractException(document, below(name), "one spelling of this key", "two");
            }
            found = new JsonTree(document, below(name), entry.getValue());
        }
        return found == null || found.value == null ? Optional.empty() : Optional.of(found);
    }

    JsonTree required(String name, String expected) throws ContractException {
        Optional<JsonTree> found = member(name);
        if (found.isEmpty()) {
            throw new ContractException(document, below(name), expected, "nothing");
        }
        return found.get();
    }

    /** A list's elements; none for null. */
    List<JsonTree> elements(int max) throws ContractException {
        if (!(value instanceof List<?> list)) {
            throw wrong("a list");
        }
        if (list.size() > max) {
            throw new ContractException(document, path, "at most " + max + " elements", list.size() + "");
        }
        List<JsonTree> elements = new ArrayList<>();
        for (Object element : list) {
            elements.add(new JsonTree(document, path + "[" + elements.size() + "]", element));
        }
        return elements;
    }

    String text() throws ContractException {
        if (value instanceof String text) {
            return text;
        }
        throw wrong("a text");
    }

    int integer(int min, int max) throws ContractException {
        if (value instanceof Long number && number >= min && number <= max) {
            return number.intValue();
        }
        throw wrong("a whole number from " + min + " to " + max);
    }

    boolean bool() throws ContractException {
        if (value instanceof Boolean bool) {
            return bool;
        }
        throw wrong("true or false");
    }

    /** This value is not what is expected. */
    ContractException wrong(String expected) {
        return new ContractException(document, path, expected, seen());
    }

    private String seen() {
        return switch (value) {
            case null -> "null";
            case String text -> ContractException.quoted(text);
            case Long number -> number.toString();
            case Boolean bool -> bool.toString();
            case Map<?, ?> _ -> "an object";
            case List<?> _ -> "a list";
            default -> "a number with a fraction or too many digits";
        };
    }

    private String below(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }
}
