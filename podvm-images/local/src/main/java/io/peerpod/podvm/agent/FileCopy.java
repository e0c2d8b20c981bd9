// SPDX-License-Identifier: Apache-2.0
package io.peerpod.podvm.agent;

import io.grpc.StatusException;
import io.peerpod.contract.agent.CopyFileRequest;
import io.peerpod.network.libc.Errno;
import io.peerpod.network.libc.ErrnoException;
import io.peerpod.network.libc.Libc;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * CopyFile (kata-protocol.md 3.4): files in pieces of rising offset, folders and symbolic links in one call each, told apart by the type
 * bits of the mode; only below one folder.
 */
final class FileCopy {
    private static final Logger log = LoggerFactory.getLogger(FileCopy.class);

    /** Bytes; what a shim copies are configuration and secrets. */
    static final long MAX_FILE_BYTES = 1L << 30;

    // stat(2): st_mode
    private static final int S_IFMT = 0170000;
    private static final int S_IFDIR = 0040000;
    private static final int S_IFREG = 0100000;
    private static final int S_IFLNK = 0120000;
    private static final int PERMISSIONS = 07777;
    private static final int DEFAULT_FOLDER_MODE = 0750;

    private final Path root;

    /**
     * @param root everything is copied below it
     */
    FileCopy(Path root) {
        this.root = root;
    }

    /** Does one call. */
    void copy(CopyFileRequest request) throws StatusException {
        Path path = checkedPath(request.getPath());
        try {
            makeParents(path, request.getDirMode());
            int mode = request.getFileMode() & PERMISSIONS;
            switch (request.getFileMode() & S_IFMT) {
                case S_IFDIR -> copyFolder(path, mode, request);
                case S_IFLNK -> {
                    Files.deleteIfExists(path);
                    Files.createSymbolicLink(path, Path.of(request.getData().toStringUtf8()));
                }
                case S_IFREG, 0 -> copyPiece(path, mode, request);
                default ->
                    throw AgentErrors.internal("file mode " + Integer.toOctalString(request.getFileMode()) + " of "
                            + request.getPath() + " is neither a file nor a folder nor a symbolic link");
            }
        } catch (IOException | InvalidPathException e) {
            throw AgentErrors.failed("CopyFile of " + request.getPath(), e);
        }
    }

    private Path checkedPath(String text) throws StatusException {
        try {
            Path path = Path.of(text);
            if (path.equals(path.normalize()) && path.startsWith(root) && !path.equals(root)) {
                return path;
            }
        } catch (InvalidPathException e) {
            // Refused below.
        }
        throw AgentErrors.internal("CopyFile takes paths below " + root + "/ only, not '" + text + "'");
    }

    private void makeParents(Path path, int mode) throws IOException {
        Path folder = root;
        Files.createDirectories(root);
        for (Path name : root.relativize(path.getParent())) {
            if (name.toString().isEmpty()) {
                continue;
            }
            folder = folder.resolve(name);
            if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
                continue;
            }
            // Also for a link that was copied before and would lead out.
            Files.createDirectory(folder);
            Libc.system()
                    .chmod(folder.toString(), (mode & PERMISSIONS) == 0 ? DEFAULT_FOLDER_MODE : mode & PERMISSIONS);
        }
    }

    private static void copyFolder(Path path, int mode, CopyFileRequest request) throws IOException {
        if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            Files.deleteIfExists(path);
            Files.createDirectory(path);
        }
        own(path, mode, request);
    }

    private static void copyPiece(Path path, int mode, CopyFileRequest request) throws IOException, StatusException {
        long end = request.getOffset() + request.getData().size();
        if (request.getOffset() < 0
                || request.getFileSize() < 0
                || request.getFileSize() > MAX_FILE_BYTES
                || end > request.getFileSize()) {
            throw AgentErrors.internal("CopyFile of " + path + ": a piece of "
                    + request.getData().size() + " bytes at " + request.getOffset() + " does not fit into "
                    + request.getFileSize() + " bytes, or the file is larger than " + MAX_FILE_BYTES);
        }
        Path part = path.resolveSibling(path.getFileName() + ".part");
        if (request.getOffset() == 0) {
            Files.deleteIfExists(part);
        }
        try (FileChannel file = FileChannel.open(
                part, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            long position = request.getOffset();
            for (ByteBuffer bytes : request.getData().asReadOnlyByteBufferList()) {
                while (bytes.hasRemaining()) {
                    position += file.write(bytes, position);
                }
            }
        }
        if (end == request.getFileSize()) {
            own(part, mode, request);
            Files.move(part, path, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    private static void own(Path path, int mode, CopyFileRequest request) throws IOException {
        Libc.system().chmod(path.toString(), mode);
        if (request.getUid() == 0 && request.getGid() == 0) {
            return;
        }
        try {
            Libc.system().chown(path.toString(), request.getUid(), request.getGid());
        } catch (ErrnoException e) {
            if (!e.isOneOf(Errno.EINVAL, Errno.EPERM)) {
                throw e;
            }
            log.atWarn()
                    .addKeyValue("path", path)
                    .addKeyValue("user", request.getUid())
                    .addKeyValue("group", request.getGid())
                    .log("the file stays ours: this VM's user namespace does not know its owner");
        }
    }
}
