// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider.local;

import io.peerpod.network.IpPrefix;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import java.net.Inet4Address;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the local cloud knows of one VM: a file that is on disk before anything of the VM exists and that goes after all of it is gone.
 *
 * @param token what it was made under
 * @param id differs for each VM, also of the same token
 * @param owner from the tags
 * @param tags all others, with the pod's name and namespace
 * @param createdAt when the daemon first meant to create it
 * @param address of its NIC
 * @param link name of the host's end of its NIC
 * @param phase how far its life has come
 * @param creator the process that makes or made it
 * @param shell the process outside the VM that waits for its init; empty before it is known
 * @param init the VM's first process; empty before it is known
 */
record VmRecord(
        LaunchToken token,
        String id,
        Owner owner,
        Map<String, String> tags,
        Instant createdAt,
        Inet4Address address,
        String link,
        Phase phase,
        ProcessIdentity creator,
        Optional<ProcessIdentity> shell,
        Optional<ProcessIdentity> init) {

    private static final String FIRST_LINE = "peerpods local pod VM, format 1";
    private static final String LAST_LINE = "end";
    private static final String TAG = "tag.";

    /** How far a VM's life has come; that an init has ended is seen by looking, not written. */
    enum Phase {
        CREATING,
        RUNNING,
        DELETING
    }

    VmRecord {
        tags = Map.copyOf(tags);
    }

    VmRecord in(Phase next) {
        return new VmRecord(token, id, owner, tags, createdAt, address, link, next, creator, shell, init);
    }

    VmRecord runBy(ProcessIdentity outer, ProcessIdentity inner) {
        return new VmRecord(
                token,
                id,
                owner,
                tags,
                createdAt,
                address,
                link,
                phase,
                creator,
                Optional.of(outer),
                Optional.of(inner));
    }

    VmRecord withAddress(Inet4Address other) {
        return new VmRecord(token, id, owner, tags, createdAt, other, link, phase, creator, shell, init);
    }

    /** One {@code key=value} a line between a first and a last line that say what this is and that it is whole. */
    String write() {
        Map<String, String> lines = new LinkedHashMap<>();
        lines.put("sandbox", token.sandboxId());
        lines.put("name", token.instanceName());
        lines.put("id", id);
        lines.put("cluster", owner.cluster());
        lines.put("node", owner.node());
        lines.put("created", createdAt.toString());
        lines.put("address", address.getHostAddress());
        lines.put("link", link);
        lines.put("phase", phase.name());
        lines.put("creator", write(creator));
        shell.ifPresent(process -> lines.put("shell", write(process)));
        init.ifPresent(process -> lines.put("init", write(process)));
        new TreeMap<>(tags).forEach((key, value) -> lines.put(TAG + key, value));
        StringBuilder text = new StringBuilder(FIRST_LINE).append('\n');
        lines.forEach((key, value) ->
                text.append(escape(key)).append('=').append(escape(value)).append('\n'));
        return text.append(LAST_LINE).append('\n').toString();
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws IllegalArgumentException saying what is wrong with the text
     */
    static VmRecord parse(String text) {
        String[] rows = text.split("\n", -1);
        if (rows.length < 3 || !rows[0].equals(FIRST_LINE)) {
            throw new IllegalArgumentException("it does not start with '" + FIRST_LINE + "'");
        }
        if (!rows[rows.length - 2].equals(LAST_LINE)) {
            throw new IllegalArgumentException("it does not end with '" + LAST_LINE + "', so a part is missing");
        }
        Map<String, String> lines = new LinkedHashMap<>();
        for (int i = 1; i < rows.length - 2; i++) {
            int equals = rows[i].indexOf('=');
            if (equals < 0) {
                throw new IllegalArgumentException("line " + (i + 1) + " is not key=value");
            }
            lines.put(unescape(rows[i].substring(0, equals)), unescape(rows[i].substring(equals + 1)));
        }
        Map<String, String> tags = new TreeMap<>();
        lines.forEach((key, value) -> {
            if (key.startsWith(TAG)) {
                tags.put(key.substring(TAG.length()), value);
            }
        });
        try {
            return new VmRecord(
                    new LaunchToken(required(lines, "sandbox"), required(lines, "name")),
                    required(lines, "id"),
                    new Owner(required(lines, "cluster"), required(lines, "node")),
                    tags,
                    Instant.parse(required(lines, "created")),
                    (Inet4Address) IpPrefix.parseAddress(required(lines, "address")),
                    required(lines, "link"),
                    Phase.valueOf(required(lines, "phase")),
                    process(required(lines, "creator")),
                    Optional.ofNullable(lines.get("shell")).map(VmRecord::process),
                    Optional.ofNullable(lines.get("init")).map(VmRecord::process));
        } catch (java.time.format.DateTimeParseException | ClassCastException e) {
            throw new IllegalArgumentException("it holds a value of the wrong kind: " + e.getMessage(), e);
        }
    }

    private static String required(Map<String, String> lines, String key) {
        String value = lines.get(key);
        if (value == null) {
            throw new IllegalArgumentException("it has no line '" + key + "='");
        }
        return value;
    }

    private static String write(ProcessIdentity process) {
        return process.pid() + "@" + process.startTicks();
    }

    private static ProcessIdentity process(String text) {
        int at = text.indexOf('@');
        if (at < 0) {
            throw new IllegalArgumentException("'" + text + "' is not pid@start");
        }
        return new ProcessIdentity(Integer.parseInt(text, 0, at, 10), Long.parseLong(text, at + 1, text.length(), 10));
    }

    /** Control characters, the backslash and the equals sign as a backslash and four hexadecimal digits. */
    private static String escape(String value) {
        StringBuilder escaped = new StringBuilder(value.length());
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c < ' ' || c == '\\' || c == '=' || Character.isSurrogate(c)) {
                escaped.append('\\').append("%04x".formatted((int) c));
            } else {
                escaped.append(c);
            }
        }
        return escaped.toString();
    }

    private static String unescape(String value) {
        StringBuilder plain = new StringBuilder(value.length());
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c != '\\') {
                plain.append(c);
                continue;
            }
            if (i + 5 > value.length()) {
                throw new IllegalArgumentException("an escape is cut off");
            }
            plain.append((char) Integer.parseInt(value, i + 1, i + 5, 16));
            i += 4;
        }
        return plain.toString();
    }
}
