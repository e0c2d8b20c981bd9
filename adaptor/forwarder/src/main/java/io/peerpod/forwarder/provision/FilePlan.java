// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import io.peerpod.contract.ContractException;
import io.peerpod.contract.GuestPaths;
import io.peerpod.contract.Initdata;
import java.nio.charset.StandardCharsets;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files to write, and their order (adaptor.md 3.3 and 7.3).
 *
 * <p>Units of the image start when a file appears: {@code aa.toml} starts the attestation agent, and that one the rest. So it
 * comes last, and whoever it starts finds everything else in place. What initdata holds wins over the same file from the user data,
 * since only initdata is measured.
 */
final class FilePlan {

    private static final String AA = GuestPaths.AA_TOML;
    private static final String CDH = GuestPaths.CDH_TOML;

    /** Taken from the user data they are not measured (W-E3). */
    private static final Set<String> BETTER_MEASURED = Set.of(AA, CDH);

    /** Holds a private key and registry credentials. */
    private static final Set<String> SECRET = Set.of(GuestPaths.APF_JSON, GuestPaths.AUTH_JSON);

    private static final List<String> ORDER = List.of(
            GuestPaths.AUTH_JSON,
            GuestPaths.SCRATCH_SPACE_MARKER,
            GuestPaths.INITDATA,
            GuestPaths.INITDATA_DIGEST,
            GuestPaths.POLICY_REGO,
            GuestPaths.CDH_TOML,
            GuestPaths.APF_JSON,
            GuestPaths.AA_TOML);

    private static final Logger log = LoggerFactory.getLogger(FilePlan.class);

    /** Writes one file. */
    interface Writer {
        void write(String path, byte[] content, Set<PosixFilePermission> mode) throws ProvisionException;
    }

    private final boolean measuredOnly;
    private final Map<String, byte[]> contents = new HashMap<>();
    private final List<String> skipped = new ArrayList<>();
    private String initdataDigest = "";

    FilePlan(boolean measuredOnly) {
        this.measuredOnly = measuredOnly;
    }

    /**
     * Takes one file of the user data; one that may not come from there is skipped, and logged.
     *
     * @throws ContractException if only measured configuration is wanted and this is not
     */
    void addUserData(String path, byte[] content) throws ContractException {
        if (!GuestPaths.USER_DATA_FILES.contains(path)) {
            skip(path, "a file of the user data may not be written there, skipped");
            return;
        }
        if (BETTER_MEASURED.contains(path)) {
            if (measuredOnly) {
                throw new ContractException(
                        "user data",
                        "write_files",
                        "only files that need not be measured (--measured-only)",
                        path + ", which belongs into initdata");
            }
            log.atWarn()
                    .addKeyValue("file", path)
                    .log("this file comes by user data, which is not measured; put it into initdata");
        }
        if (contents.put(path, content) != null) {
            log.atWarn()
                    .addKeyValue("file", path)
                    .log("the user data holds this file more than once, the last one counts");
        }
    }

    /** The initdata file that the user data holds. */
    Optional<byte[]> initdata() {
        return Optional.ofNullable(contents.get(GuestPaths.INITDATA));
    }

    /**
     * Takes what initdata holds, and its digest.
     *
     * @throws ContractException if two keys name the same file
     */
    void addInitdata(Initdata initdata) throws ContractException {
        var seen = new HashMap<String, String>();
        for (Map.Entry<String, String> entry : new TreeMap<>(initdata.data()).entrySet()) {
            String name = fileName(entry.getKey());
            String path = GuestPaths.RUN + "/" + name;
            if (!GuestPaths.INITDATA_FILES.contains(name)) {
                skip(entry.getKey(), "an entry of initdata is for nobody here, skipped");
                continue;
            }
            String other = seen.put(path, entry.getKey());
            if (other != null) {
                throw new ContractException(
                        "initdata", "data", "one entry for " + path, "'" + other + "' and '" + entry.getKey() + "'");
            }
            byte[] content = entry.getValue().getBytes(StandardCharsets.UTF_8);
            if (contents.put(path, content) != null) {
                log.atWarn()
                        .addKeyValue("file", path)
                        .log("initdata holds this file too; the one of the user data is dropped");
            }
        }
        initdataDigest = initdata.digestHex();
        contents.put(GuestPaths.INITDATA_DIGEST, initdataDigest.getBytes(StandardCharsets.US_ASCII));
    }

    /** Nobody gave initdata: a fixed one takes its place, whose empty {@code aa.toml} makes the image's components start. */
    void addDummyInitdata() throws ContractException {
        contents.put(GuestPaths.INITDATA, Initdata.DUMMY.encode().getBytes(StandardCharsets.US_ASCII));
        addInitdata(Initdata.DUMMY);
    }

    /** Hands every file to the writer, in order. */
    void write(Writer writer) throws ProvisionException {
        for (String path : ORDER) {
            byte[] content = contents.get(path);
            if (content != null) {
                writer.write(path, content, SECRET.contains(path) ? GuestFiles.SECRET : GuestFiles.READABLE);
            }
        }
    }

    List<String> skipped() {
        return skipped;
    }

    String initdataDigest() {
        return initdataDigest;
    }

    private void skip(String path, String why) {
        skipped.add(path);
        log.atWarn().addKeyValue("file", printable(path)).log(why);
    }

    private static String printable(String path) {
        String clean = path.replaceAll("\\p{Cntrl}", "?");
        return clean.length() <= 120 ? clean : clean.substring(0, 120) + "…";
    }

    /** The file in our folder that a key of initdata names, as joining the two paths gives it; what leads out of it stays as it is. */
    private static String fileName(String key) {
        var parts = new ArrayList<String>();
        for (String part : key.split("/", -1)) {
            if (part.equals("..")) {
                return key;
            }
            if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
        }
        return String.join("/", parts);
    }
}
