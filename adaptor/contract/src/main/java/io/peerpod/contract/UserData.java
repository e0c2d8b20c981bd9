// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the cloud hands to a pod VM: a cloud-config document that writes files (adaptor.md 3.2, docs/contract.md). Secret as a
 * whole, it holds the VM's key.
 *
 * @param files in the order of writing, each path once
 */
public record UserData(List<File> files) {
    /** Bytes of a document that are looked at. Clouds allow far less. */
    public static final int MAX_BYTES = 8 << 20;

    /** Files in one document. */
    public static final int MAX_FILES = 64;

    /** The document's first line. */
    public static final String HEADER = "#cloud-config";

    /** No files. */
    public static final UserData EMPTY = new UserData(List.of());

    public UserData {
        files = List.copyOf(files);
        if (files.stream().map(File::path).distinct().count() != files.size()) {
            throw new IllegalArgumentException("user data names a file twice: "
                    + files.stream().map(File::path).toList());
        }
    }

    /**
     * A file to write.
     *
     * @param path absolute in the guest, see {@link GuestPaths}
     * @param content its text; secret
     */
    public record File(String path, String content) {
        /** Without the content. */
        @Override
        public String toString() {
            return "File[" + path + ", " + content.length() + " characters]";
        }
    }

    /** This and one more file. */
    public UserData with(String path, String content) {
        List<File> more = new ArrayList<>(files);
        more.add(new File(path, content));
        return new UserData(more);
    }

    /** The content of a file, if the document writes it. */
    public Optional<String> content(String path) {
        return files.stream()
                .filter(file -> file.path().equals(path))
                .map(File::content)
                .findFirst();
    }

    /** Bytes of content by path, in the order of writing: which file to blame when a cloud's limit is exceeded. */
    public Map<String, Integer> sizes() {
        Map<String, Integer> sizes = new LinkedHashMap<>();
        files.forEach(file -> sizes.put(file.path(), file.content().getBytes(StandardCharsets.UTF_8).length));
        return sizes;
    }

    /**
     * Reads a document strictly: the header, {@code write_files} and in it {@code path} and {@code content} only, nothing twice, no
     * anchors, aliases and tags.
     *
     * @throws ContractException naming the line, what is expected and what was seen
     */
    public static UserData parse(byte[] document) throws ContractException {
        return UserDataReader.read(document);
    }

    /**
     * Writes the document byte for byte as the reference does. A file that it writes ends with exactly one newline in the guest,
     * or is empty.
     *
     * @throws ContractException if a path or content cannot be carried unchanged but for newlines at its end; nothing is escaped
     *     in this format
     */
    public String write() throws ContractException {
        return UserDataWriter.write(this);
    }
}
