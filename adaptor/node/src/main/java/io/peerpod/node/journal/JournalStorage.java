// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/** What a journal needs of a file system; a seam for disks that fail. */
public interface JournalStorage {

    /** Makes the folder with mode 0700 if it is not there. */
    void makeFolder(Path folder) throws IOException;

    /** Names of the files in the folder, sorted. */
    List<String> list(Path folder) throws IOException;

    /** The whole file. */
    byte[] read(Path file) throws IOException;

    /** Makes a new file with mode 0600. */
    Handle create(Path file) throws IOException;

    /** Opens a file for writing. */
    Handle open(Path file) throws IOException;

    /** Renames within the folder. */
    void rename(Path from, Path to) throws IOException;

    /** Removes a file; one that is not there is no error. */
    void delete(Path file) throws IOException;

    /** Makes creations, renames and removals in the folder durable. */
    void syncFolder(Path folder) throws IOException;

    /** An open file. */
    interface Handle extends AutoCloseable {
        /** Writes the whole buffer at the offset. */
        void write(long offset, ByteBuffer data) throws IOException;

        /** Makes what was written durable. */
        void sync() throws IOException;

        @Override
        void close();
    }
}
