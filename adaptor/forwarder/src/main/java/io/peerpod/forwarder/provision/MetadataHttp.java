// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One bounded HTTP request to a metadata service: no proxy, no redirect, a limit on the answer's size and on the whole time, also
 * against a peer that sends a byte now and then.
 */
final class MetadataHttp {

    /** An answer of status 200 is worth reading; the body of any other is not read. */
    private static final int OK = 200;

    private MetadataHttp() {}

    /**
     * Sends a request without a body and returns the body of its answer.
     *
     * @param limitBytes of the answer's body
     * @throws IOException naming the request: refused, too slow, another status than 200, too large
     */
    static byte[] request(String method, URI uri, Map<String, String> headers, Duration budget, int limitBytes)
            throws IOException, InterruptedException {
        String asked = method + " " + uri;
        if (!budget.isPositive()) {
            throw new IOException(asked + " was not sent: no time is left");
        }
        if (!(uri.toURL().openConnection(Proxy.NO_PROXY) instanceof HttpURLConnection connection)) {
            throw new IOException(asked + " is not an http address");
        }
        var exchange = new FutureTask<>(() -> exchange(connection, method, headers, budget, limitBytes));
        Thread.ofVirtual().name("metadata-request").start(exchange);
        try {
            return exchange.get(budget.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException(asked + " was not answered within " + budget.toMillis() + " ms", e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new IOException(asked + ": " + words(cause), cause);
        } finally {
            connection.disconnect();
        }
    }

    private static byte[] exchange(
            HttpURLConnection connection, String method, Map<String, String> headers, Duration budget, int limitBytes)
            throws IOException {
        int timeoutMillis = (int) Math.min(Integer.MAX_VALUE, budget.toMillis());
        connection.setConnectTimeout(timeoutMillis);
        connection.setReadTimeout(timeoutMillis);
        connection.setInstanceFollowRedirects(false);
        connection.setUseCaches(false);
        connection.setRequestMethod(method);
        connection.setRequestProperty("Connection", "close");
        headers.forEach(connection::setRequestProperty);
        int status = connection.getResponseCode();
        if (status != OK) {
            throw new IOException(
                    status < 0 ? "the answer is not HTTP" : "the answer has status " + status + ", expected " + OK);
        }
        if (connection.getContentLengthLong() > limitBytes) {
            throw new IOException("the answer announces " + connection.getContentLengthLong()
                    + " bytes, more than the limit of " + limitBytes);
        }
        try (InputStream in = connection.getInputStream()) {
            byte[] body = in.readNBytes(limitBytes + 1);
            if (body.length > limitBytes) {
                throw new IOException("the answer is larger than the limit of " + limitBytes + " bytes");
            }
            return body;
        }
    }

    private static String words(Throwable cause) {
        String message = cause.getMessage();
        return message == null ? cause.getClass().getSimpleName() : message;
    }
}
