// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Certificates and private keys in PEM (RFC 7468). No message of this class carries key material. */
final class Pem {
    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]{1,64})-----([^-]*)-----END \\1-----", Pattern.DOTALL);
    private static final List<String> KEY_ALGORITHMS = List.of("EC", "RSA", "Ed25519", "Ed448");

    /** DER of the OIDs ecPublicKey 1.2.840.10045.2.1 and rsaEncryption 1.2.840.113549.1.1.1 with its NULL parameter. */
    private static final byte[] EC_PUBLIC_KEY = {0x06, 0x07, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 0x02, 0x01};

    private static final byte[] RSA_ENCRYPTION = {
        0x06, 0x09, 0x2a, (byte) 0x86, 0x48, (byte) 0x86, (byte) 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00
    };
    private static final byte[] VERSION_0 = {0x02, 0x01, 0x00};

    private Pem() {}

    /**
     * All certificates of a text, in its order.
     *
     * @param what names the text in messages
     * @throws IllegalArgumentException when there is none or one cannot be read
     */
    static List<X509Certificate> certificates(String text, String what) {
        List<X509Certificate> certificates = new ArrayList<>();
        Matcher matcher = BLOCK.matcher(text);
        while (matcher.find()) {
            if (matcher.group(1).equals("CERTIFICATE")) {
                certificates.add(certificate(decode(matcher.group(2), what), what));
            }
        }
        if (certificates.isEmpty()) {
            throw new IllegalArgumentException(what + " holds no PEM block of type CERTIFICATE");
        }
        return certificates;
    }

    private static X509Certificate certificate(byte[] der, String what) {
        try {
            Certificate certificate =
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
            return (X509Certificate) certificate;
        } catch (CertificateException e) {
            throw new IllegalArgumentException(what + " holds a certificate that cannot be read", e);
        }
    }

    /**
     * The first private key of a text.
     *
     * @param what names the text in messages
     * @throws IllegalArgumentException when there is none, it is encrypted, or of an unknown kind
     */
    static PrivateKey privateKey(String text, String what) {
        Matcher matcher = BLOCK.matcher(text);
        while (matcher.find()) {
            String type = matcher.group(1);
            if (type.equals("ENCRYPTED PRIVATE KEY") || matcher.group(2).contains("ENCRYPTED")) {
                throw new IllegalArgumentException(
                        what + " is encrypted; decrypt it first (openssl pkcs8 -topk8 -nocrypt)");
            }
            switch (type) {
                case "PRIVATE KEY" -> {
                    return pkcs8(decode(matcher.group(2), what), what);
                }
                case "EC PRIVATE KEY" -> {
                    byte[] sec1 = decode(matcher.group(2), what);
                    return pkcs8(wrap(concatenate(EC_PUBLIC_KEY, curve(sec1, what)), sec1), what);
                }
                case "RSA PRIVATE KEY" -> {
                    return pkcs8(wrap(RSA_ENCRYPTION, decode(matcher.group(2), what)), what);
                }
                default -> {
                    // Parameters or certificates before the key.
                }
            }
        }
        throw new IllegalArgumentException(
                what + " holds no private key (PEM block PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY)");
    }

    private static byte[] decode(String base64, String what) {
        try {
            return Base64.getMimeDecoder().decode(base64.strip().getBytes(StandardCharsets.US_ASCII));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(what + " is not valid base64 inside its PEM block");
        }
    }

    private static PrivateKey pkcs8(byte[] der, String what) {
        for (String algorithm : KEY_ALGORITHMS) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
            } catch (InvalidKeySpecException _) {
                // Another algorithm's key.
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("this Java has no key factory for " + algorithm, e);
            }
        }
        throw new IllegalArgumentException(what + " is not an EC, RSA or EdDSA private key");
    }

    /** The curve's OID of an {@code ECPrivateKey} (RFC 5915): the content of its element [0]. */
    private static byte[] curve(byte[] sec1, String what) {
        for (int i = 0; i + 2 < sec1.length; i++) {
            int length = sec1[i + 1];
            if ((sec1[i] & 0xff) == 0xa0
                    && length > 2
                    && i + 2 + length <= sec1.length
                    && sec1[i + 2] == 0x06
                    && sec1[i + 3] == length - 2) {
                byte[] oid = new byte[length];
                System.arraycopy(sec1, i + 2, oid, 0, length);
                return oid;
            }
        }
        // Some encoders leave it out; the length of the key, the second element, tells.
        int length = sec1.length > 6 && sec1[5] == 0x04 ? sec1[6] : sec1.length > 7 && sec1[6] == 0x04 ? sec1[7] : 0;
        return switch (length) {
            case 32 -> new byte[] {0x06, 0x08, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 0x03, 0x01, 0x07};
            case 48 -> new byte[] {0x06, 0x05, 0x2b, (byte) 0x81, 0x04, 0x00, 0x22};
            case 66 -> new byte[] {0x06, 0x05, 0x2b, (byte) 0x81, 0x04, 0x00, 0x23};
            default ->
                throw new IllegalArgumentException(
                        what + " names no curve; convert it (openssl pkcs8 -topk8 -nocrypt)");
        };
    }

    private static byte[] wrap(byte[] algorithm, byte[] key) {
        return der(0x30, concatenate(VERSION_0, concatenate(der(0x30, algorithm), der(0x04, key))));
    }

    private static byte[] der(int tag, byte[] content) {
        int length = content.length;
        byte[] header = length < 0x80
                ? new byte[] {(byte) tag, (byte) length}
                : length < 0x100
                        ? new byte[] {(byte) tag, (byte) 0x81, (byte) length}
                        : new byte[] {(byte) tag, (byte) 0x82, (byte) (length >> 8), (byte) length};
        return concatenate(header, content);
    }

    private static byte[] concatenate(byte[] first, byte[] second) {
        byte[] both = new byte[first.length + second.length];
        System.arraycopy(first, 0, both, 0, first.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }
}
