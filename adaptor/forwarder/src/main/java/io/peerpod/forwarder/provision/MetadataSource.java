// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;

/**
 * The metadata service of one cloud (adaptor.md 7.2).
 *
 * <p>The services are asked by address, never by name, so that a resolver that does not answer costs nothing (W-H3).
 */
final class MetadataSource implements UserDataSource {

    /** Longest time one request may take; a lost one is sent again soon. */
    static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(5);

    private static final String TOKEN_HEADER = "X-aws-ec2-metadata-token";
    private static final String TOKEN_LIFETIME_HEADER = "X-aws-ec2-metadata-token-ttl-seconds";
    private static final String TOKEN_LIFETIME_SECONDS = "60";
    private static final int TOKEN_LIMIT_BYTES = 4096;

    /** Before a request: adds what must be asked for first. */
    private interface Authorisation {
        Map<String, String> headers(long deadlineNanos) throws IOException, InterruptedException;
    }

    private final String cloud;
    private final URI address;
    private final boolean base64;
    private final Authorisation authorisation;

    private MetadataSource(String cloud, URI address, boolean base64, Authorisation authorisation) {
        this.cloud = cloud;
        this.address = address;
        this.base64 = base64;
        this.authorisation = authorisation;
    }

    static MetadataSource azure(URI endpoint) {
        return new MetadataSource(
                "Azure",
                endpoint.resolve("/metadata/instance/compute/userData?api-version=2021-01-01&format=text"),
                true,
                deadline -> Map.of("Metadata", "true"));
    }

    /**
     * AWS, with a session token.
     *
     * @param withoutToken whether to ask without a token where none can be had; otherwise that is a failure, so that nobody on the
     *     path can make us fall back
     */
    static MetadataSource aws(URI endpoint, boolean withoutToken) {
        URI tokenAddress = endpoint.resolve("/latest/api/token");
        return new MetadataSource("AWS", endpoint.resolve("/latest/user-data"), false, deadline -> {
            try {
                return Map.of(TOKEN_HEADER, awsToken(tokenAddress, deadline));
            } catch (IOException e) {
                if (withoutToken) {
                    return Map.of();
                }
                throw new IOException(
                        e.getMessage() + " (a session token is needed; --allow-imds-v1 asks without one)", e);
            }
        });
    }

    static MetadataSource google(URI endpoint) {
        return new MetadataSource(
                "Google Cloud",
                endpoint.resolve("/computeMetadata/v1/instance/attributes/user-data"),
                true,
                deadline -> Map.of("Metadata-Flavor", "Google"));
    }

    static MetadataSource alibaba(URI endpoint) {
        return new MetadataSource("Alibaba Cloud", endpoint.resolve("/latest/user-data"), false, deadline -> Map.of());
    }

    private static String awsToken(URI address, long deadline) throws IOException, InterruptedException {
        byte[] body = MetadataHttp.request(
                "PUT",
                address,
                Map.of(TOKEN_LIFETIME_HEADER, TOKEN_LIFETIME_SECONDS),
                left(deadline),
                TOKEN_LIMIT_BYTES);
        String token = new String(body, StandardCharsets.ISO_8859_1).strip();
        if (token.isEmpty() || !token.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw new IOException("PUT " + address + ": the answer is not a session token");
        }
        return token;
    }

    @Override
    public String name() {
        return cloud + " metadata service at " + address;
    }

    @Override
    public byte[] fetch(Duration budget) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + budget.toNanos();
        Map<String, String> headers = authorisation.headers(deadline);
        byte[] body = MetadataHttp.request("GET", address, headers, left(deadline), Sources.USER_DATA_LIMIT_BYTES);
        byte[] content = base64 ? decode(body) : body;
        if (new String(content, StandardCharsets.ISO_8859_1).isBlank()) {
            // Azure answers so until the user data of a new VM is known (W-H1).
            throw new IOException("GET " + address + ": the user data is empty");
        }
        return content;
    }

    private byte[] decode(byte[] body) throws IOException {
        String text = new String(body, StandardCharsets.ISO_8859_1);
        var packed = new StringBuilder(text.length());
        text.chars().filter(c -> !Character.isWhitespace(c)).forEach(c -> packed.append((char) c));
        try {
            return Base64.getDecoder().decode(packed.toString());
        } catch (IllegalArgumentException e) {
            throw new IOException("GET " + address + ": the user data is not base64 as expected there", e);
        }
    }

    private static Duration left(long deadlineNanos) {
        Duration left = Duration.ofNanos(deadlineNanos - System.nanoTime());
        return left.compareTo(REQUEST_TIMEOUT) < 0 ? left : REQUEST_TIMEOUT;
    }
}
