// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import java.time.Duration;

/**
 * The limits of a server or a channel. What lies beyond one is refused on its own stream or connection; nothing else is disturbed.
 *
 * @param maxConnections connections of one server; a further one is closed at once
 * @param maxOpenStreams calls of one connection that are being worked on; a further one fails with RESOURCE_EXHAUSTED
 * @param maxMessageBytes data of one frame, that is a message with its envelope, both ways; longer ones fail with RESOURCE_EXHAUSTED
 * @param maxInFlightBytes bytes of one connection that wait: requests being handled and messages queued inbound, frames queued
 *     outbound; a further inbound message fails its stream with RESOURCE_EXHAUSTED, a further outbound one waits
 * @param maxQueuedMessages messages of one stream that its consumer did not take yet; a further one fails the stream
 * @param maxMetadataPairs metadata pairs of one request
 * @param silentGrace how long a connection may have sent no whole frame before it is closed in favour of a new one when
 *     {@code maxConnections} is reached; below the limit a silent connection may stay for ever
 */
public record TtrpcLimits(
        int maxConnections,
        int maxOpenStreams,
        int maxMessageBytes,
        long maxInFlightBytes,
        int maxQueuedMessages,
        int maxMetadataPairs,
        Duration silentGrace) {

    /** 1024 connections of 4096 streams, 4 MiB a message, 64 MiB in flight. */
    public static final TtrpcLimits DEFAULT =
            new TtrpcLimits(1024, 4096, FrameHeader.MAX_DATA_BYTES, 64L << 20, 4096, 1024, Duration.ofSeconds(10));

    public TtrpcLimits {
        atLeastOne("maxConnections", maxConnections);
        atLeastOne("maxOpenStreams", maxOpenStreams);
        atLeastOne("maxMessageBytes", maxMessageBytes);
        atLeastOne("maxQueuedMessages", maxQueuedMessages);
        atLeastOne("maxMetadataPairs", maxMetadataPairs);
        if (maxMessageBytes > FrameHeader.MAX_DATA_BYTES) {
            throw new IllegalArgumentException("maxMessageBytes is " + maxMessageBytes
                    + ", the protocol allows at most " + FrameHeader.MAX_DATA_BYTES);
        }
        if (maxInFlightBytes < maxMessageBytes) {
            throw new IllegalArgumentException("maxInFlightBytes is " + maxInFlightBytes
                    + ", less than the one message of " + maxMessageBytes + " bytes that has to fit");
        }
        if (silentGrace.isNegative()) {
            throw new IllegalArgumentException("silentGrace is " + silentGrace + ", expected zero or more");
        }
    }

    public TtrpcLimits withMaxConnections(int value) {
        return new TtrpcLimits(
                value,
                maxOpenStreams,
                maxMessageBytes,
                maxInFlightBytes,
                maxQueuedMessages,
                maxMetadataPairs,
                silentGrace);
    }

    public TtrpcLimits withMaxOpenStreams(int value) {
        return new TtrpcLimits(
                maxConnections,
                value,
                maxMessageBytes,
                maxInFlightBytes,
                maxQueuedMessages,
                maxMetadataPairs,
                silentGrace);
    }

    public TtrpcLimits withMaxInFlightBytes(long value) {
        return new TtrpcLimits(
                maxConnections,
                maxOpenStreams,
                maxMessageBytes,
                value,
                maxQueuedMessages,
                maxMetadataPairs,
                silentGrace);
    }

    public TtrpcLimits withMaxQueuedMessages(int value) {
        return new TtrpcLimits(
                maxConnections,
                maxOpenStreams,
                maxMessageBytes,
                maxInFlightBytes,
                value,
                maxMetadataPairs,
                silentGrace);
    }

    public TtrpcLimits withSilentGrace(Duration value) {
        return new TtrpcLimits(
                maxConnections,
                maxOpenStreams,
                maxMessageBytes,
                maxInFlightBytes,
                maxQueuedMessages,
                maxMetadataPairs,
                value);
    }

    private static void atLeastOne(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " is " + value + ", expected 1 or more");
        }
    }
}
