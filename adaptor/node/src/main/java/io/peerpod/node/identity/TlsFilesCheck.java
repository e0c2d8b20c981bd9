// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.identity;

import io.peerpod.contract.InstanceName;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Optional;

/** Looks at the operator's TLS files when the daemon starts, not when the first VM has been paid for (W-D9). */
final class TlsFilesCheck {
    private static final int MAX_FILE_BYTES = 1 << 20;

    private final Instant now;
    private final List<String> problems = new ArrayList<>();

    TlsFilesCheck(Instant now) {
        this.now = now;
    }

    List<String> problems() {
        return problems;
    }

    /** Certificates of a file, which must all be valid now. */
    List<X509Certificate> certificates(String flag, Path file) {
        Optional<byte[]> bytes = read(flag, file);
        if (bytes.isEmpty()) {
            return List.of();
        }
        List<X509Certificate> certificates = new ArrayList<>();
        try {
            for (Certificate certificate : CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(bytes.get()))) {
                certificates.add((X509Certificate) certificate);
            }
        } catch (CertificateException e) {
            certificates.clear();
        }
        if (certificates.isEmpty()) {
            problems.add(
                    "-" + flag + ": " + file + " holds no certificate in PEM form ('-----BEGIN CERTIFICATE-----')");
        }
        certificates.forEach(certificate -> checkValidity(flag, file, certificate));
        return certificates;
    }

    /** That the key is there and belongs to the certificate. */
    void key(String flag, Path file, Optional<X509Certificate> certificate) {
        Optional<byte[]> bytes = read(flag, file);
        if (bytes.isEmpty()) {
            return;
        }
        String text = new String(bytes.get(), java.nio.charset.StandardCharsets.ISO_8859_1);
        if (text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED")) {
            problems.add(
                    "-" + flag + ": the key in " + file + " is encrypted; give it without a passphrase, mode 0600");
            return;
        }
        if (!text.contains("PRIVATE KEY-----")) {
            problems.add(
                    "-" + flag + ": " + file + " holds no private key in PEM form ('-----BEGIN PRIVATE KEY-----')");
            return;
        }
        Optional<byte[]> pkcs8 = PemFile.block(text, PemFile.PRIVATE_KEY);
        // SEC 1 and PKCS#1 keys are read by the relay; whether they fit shows at the handshake.
        if (pkcs8.isPresent() && certificate.isPresent() && !belongs(pkcs8.get(), certificate.get())) {
            problems.add(
                    "-" + flag + ": the key in " + file + " does not belong to the first certificate of -cert-file ("
                            + certificate.get().getSubjectX500Principal() + ")");
        }
    }

    private void checkValidity(String flag, Path file, X509Certificate certificate) {
        try {
            certificate.checkValidity(Date.from(now));
        } catch (CertificateExpiredException e) {
            problems.add("-" + flag + ": " + certificate.getSubjectX500Principal() + " in " + file + " expired on "
                    + certificate.getNotAfter().toInstant() + "; renew it");
        } catch (CertificateNotYetValidException e) {
            problems.add("-" + flag + ": " + certificate.getSubjectX500Principal() + " in " + file + " is valid from "
                    + certificate.getNotBefore().toInstant() + " only; it is " + now + " here");
        }
    }

    private static boolean belongs(byte[] pkcs8, X509Certificate certificate) {
        try {
            String algorithm = certificate.getPublicKey().getAlgorithm();
            PrivateKey key = KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
            String scheme = switch (algorithm) {
                case "EC" -> "SHA256withECDSA";
                case "RSA" -> "SHA256withRSA";
                default -> algorithm;
            };
            byte[] message = InstanceName.MANUAL_SERVER_NAME.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
            Signature signer = Signature.getInstance(scheme);
            signer.initSign(key);
            signer.update(message);
            byte[] signature = signer.sign();
            signer.initVerify(certificate.getPublicKey());
            signer.update(message);
            return signer.verify(signature);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    private Optional<byte[]> read(String flag, Path file) {
        try {
            if (Files.size(file) > MAX_FILE_BYTES) {
                problems.add(
                        "-" + flag + ": " + file + " is larger than " + MAX_FILE_BYTES + " bytes; it is no PEM file");
                return Optional.empty();
            }
            return Optional.of(Files.readAllBytes(file));
        } catch (NoSuchFileException e) {
            problems.add("-" + flag + ": there is no file " + file);
        } catch (AccessDeniedException e) {
            problems.add("-" + flag + ": " + file + " may not be read by this user");
        } catch (IOException e) {
            problems.add("-" + flag + ": " + file + " cannot be read: " + e.getMessage());
        }
        return Optional.empty();
    }
}
