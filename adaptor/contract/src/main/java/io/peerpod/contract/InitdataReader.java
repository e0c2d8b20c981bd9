// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.toml.TomlFactory;
import tools.jackson.dataformat.toml.TomlMapper;
import tools.jackson.dataformat.toml.TomlReadFeature;

/** Reads initdata. */
final class InitdataReader {
    static final String DOCUMENT = "initdata";

    /** Tables within tables; the format needs 2, unknown keys may hold more. */
    static final int MAX_DEPTH = 64;

    private static final List<String> ALGORITHMS = List.of("sha256", "sha384", "sha512");

    /** Dates become objects of their own, so that they are not taken for texts. */
    private static final TomlMapper MAPPER = TomlMapper.builder(TomlFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxStringLength(Initdata.MAX_TOML_BYTES)
                            .build())
                    .enable(TomlReadFeature.PARSE_JAVA_TIME)
                    .build())
            .build();

    private InitdataReader() {}

    static byte[] decode(String base64) throws ContractException {
        if (base64.length() > Initdata.MAX_ENCODED_CHARACTERS) {
            throw new ContractException(
                    DOCUMENT,
                    "",
                    "at most " + Initdata.MAX_ENCODED_CHARACTERS + " characters",
                    base64.length() + " characters");
        }
        String text = base64.replace("\r", "").replace("\n", "");
        if (text.isEmpty()) {
            throw new ContractException(DOCUMENT, "", "base64 of gzip of a TOML document", "nothing");
        }
        byte[] gzip;
        try {
            if (text.length() % 4 != 0) {
                throw new IllegalArgumentException("not padded");
            }
            gzip = Base64.getDecoder().decode(text.getBytes(StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
            throw new ContractException(
                    DOCUMENT,
                    "",
                    "base64 in the standard alphabet, padded, of gzip of a TOML document",
                    "something else");
        }
        return Gzip.decompress(DOCUMENT, gzip, Initdata.MAX_TOML_BYTES);
    }

    static Initdata read(byte[] toml) throws ContractException {
        String text = Utf8.decode(DOCUMENT, toml, Initdata.MAX_TOML_BYTES);
        JsonNode root = tree(text);
        JsonNode algorithm = root.path("algorithm");
        if (!algorithm.isString() || !ALGORITHMS.contains(algorithm.stringValue())) {
            throw wrong("algorithm", "one of " + String.join(", ", ALGORITHMS) + ", exactly", algorithm);
        }
        JsonNode version = root.path("version");
        if (!version.isMissingNode() && !version.isString()) {
            throw wrong("version", "a text such as " + Initdata.KNOWN_VERSION, version);
        }
        JsonNode data = root.path("data");
        if (!data.isMissingNode() && !data.isObject()) {
            throw wrong("data", "a table of texts", data);
        }
        Map<String, String> texts = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : data.properties()) {
            if (!entry.getValue().isString()) {
                throw wrong("data." + ContractException.quoted(entry.getKey()), "a text", entry.getValue());
            }
            texts.put(entry.getKey(), entry.getValue().stringValue());
        }
        return new Initdata(algorithm.stringValue(), version.isString() ? version.stringValue() : "", texts, toml);
    }

    private static JsonNode tree(String text) throws ContractException {
        try {
            return MAPPER.readTree(text);
        } catch (StreamConstraintsException e) {
            throw new ContractException(DOCUMENT, "", "at most " + MAX_DEPTH + " nested tables and lists", "more");
        } catch (JacksonException e) {
            // Its own message may quote the document.
            String place = e.getLocation() == null
                    ? ""
                    : "line " + e.getLocation().getLineNr() + ", column "
                            + e.getLocation().getColumnNr();
            boolean duplicate = String.valueOf(e.getOriginalMessage()).contains("Duplicate");
            throw new ContractException(
                    DOCUMENT, place, "valid TOML", duplicate ? "a key for the second time" : "something else");
        }
    }

    private static ContractException wrong(String place, String expected, JsonNode seen) {
        String shown = seen.isMissingNode()
                ? "nothing"
                : seen.isString()
                        ? ContractException.quoted(seen.stringValue())
                        : seen.isObject() ? "a table" : seen.isArray() ? "a list" : "a value that is no text";
        return new ContractException(DOCUMENT, place, expected, shown);
    }
}
