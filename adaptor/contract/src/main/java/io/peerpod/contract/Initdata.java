// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Initdata: configuration for the guest that is measured, so that the host cannot change it unnoticed (adaptor.md 3.4,
 * guest-pull.md 5). The digest covers the document's exact bytes, which are therefore kept.
 */
public final class Initdata {
    /** Bytes of a TOML document, and of what base64 and gzip may grow to: a guard against compressed bombs. */
    public static final int MAX_TOML_BYTES = 4 << 20;

    /** Characters of the transport form. */
    public static final int MAX_ENCODED_CHARACTERS = 8 << 20;

    /** The version that Kata knows; the reference looks at none. */
    public static final String KNOWN_VERSION = "0.1.0";

    /**
     * The document that a guest without initdata measures; the bytes are part of the contract. Its empty {@code aa.toml} starts the
     * attestation agent.
     */
    public static final Initdata DUMMY = dummy();

    private final String algorithm;
    private final String version;
    private final Map<String, String> data;
    private final byte[] toml;

    Initdata(String algorithm, String version, Map<String, String> data, byte[] toml) {
        this.algorithm = algorithm;
        this.version = version;
        this.data = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(data));
        this.toml = toml.clone();
    }

    private static Initdata dummy() {
        byte[] toml = "algorithm = \"sha256\"\nversion = \"0.1.0\"\n\n[data]\n\"aa.toml\" = '''\n'''"
                .getBytes(StandardCharsets.UTF_8);
        return new Initdata("sha256", KNOWN_VERSION, Map.of("aa.toml", ""), toml);
    }

    /**
     * Reads a document. Unknown keys are ignored, and any version is accepted, see {@link #isKnownVersion}.
     *
     * @throws ContractException on broken TOML, an algorithm other than {@code sha256}, {@code sha384}, {@code sha512}, or data that
     *     is no text
     */
    public static Initdata parseToml(byte[] toml) throws ContractException {
        return InitdataReader.read(toml);
    }

    /**
     * Reads the transport form: base64 (standard alphabet, padded, line ends ignored) of gzip of a document.
     *
     * @throws ContractException as {@link #parseToml}, or on a broken or too large encoding
     */
    public static Initdata decode(String base64) throws ContractException {
        return parseToml(InitdataReader.decode(base64));
    }

    /** The transport form, on one line without a newline. */
    public String encode() {
        return encode(toml);
    }

    /** The transport form of a document that is not looked at. */
    public static String encode(byte[] toml) {
        return Base64.getEncoder().encodeToString(Gzip.compress(toml));
    }

    /** {@code sha256}, {@code sha384} or {@code sha512}. */
    public String algorithm() {
        return algorithm;
    }

    /** As written; empty if missing. */
    public String version() {
        return version;
    }

    /** Whether the version is one that Kata accepts. */
    public boolean isKnownVersion() {
        return version.equals(KNOWN_VERSION);
    }

    /** Names and texts, in the document's order. */
    public Map<String, String> data() {
        return data;
    }

    /** A copy of the document's bytes. */
    public byte[] toml() {
        return toml.clone();
    }

    /** The digest of the document's bytes, lower-case hexadecimal. */
    public String digestHex() {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm.replace("sha", "SHA-"));
            return HexFormat.of().formatHex(digest.digest(toml));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java lacks " + algorithm, e);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Initdata that && Arrays.equals(toml, that.toml);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(toml);
    }

    /** Without the data. */
    @Override
    public String toString() {
        return "Initdata[" + algorithm + ", version=" + version + ", " + data.size() + " entries, " + toml.length
                + " bytes]";
    }
}
