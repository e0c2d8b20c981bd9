// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay;

import java.nio.ByteBuffer;

/** A byte stream to a peer on an event loop: one connection, or a session over several. Every method is for the loop's thread only. */
public interface Pipe {
    /** Sends all of the data now, or keeps a copy of what cannot go yet. A closed pipe swallows it. */
    void send(ByteBuffer data);

    /** Like {@link #send}, but keeps the buffer itself where it can; it must come from {@link LoopBuffers#frame} and goes back there. */
    void sendOwned(ByteBuffer data);

    /** Bytes that the way to the peer has not taken yet. */
    int unsentBytes();

    /** Whether it was closed or has ended. */
    boolean isClosed();

    /** Stops reading until {@link #resume}. */
    void pause();

    /** Reads again. */
    void resume();

    /** Closes once the peer has taken what was sent, or after a while without that. Nothing is read any more. */
    void finish();

    /** Closes without a word to the handler. */
    void close();
}
