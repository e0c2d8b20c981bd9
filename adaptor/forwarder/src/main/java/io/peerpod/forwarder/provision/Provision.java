// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import io.peerpod.contract.ContractException;
import io.peerpod.contract.GuestPaths;
import io.peerpod.contract.Initdata;
import io.peerpod.contract.UserData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Provisions a pod VM once: fetches the user data, checks all of it, then writes the files that may come from it (adaptor.md 7.3).
 * Running it again writes the same files again.
 */
public final class Provision {

    /** How long user data is waited for unless said otherwise. */
    public static final Duration DEFAULT_TIMEOUT = Duration.ofMinutes(3);

    /** Largest {@code initdata} file that is read when somebody else placed it. */
    private static final int INITDATA_LIMIT_BYTES = Sources.USER_DATA_LIMIT_BYTES;

    private static final Logger log = LoggerFactory.getLogger(Provision.class);

    /**
     * What was done.
     *
     * @param source where the user data came from; empty if there was none and cloud-init had placed the files
     * @param written guest paths in the order of writing
     * @param skipped paths that were asked for and may not be written
     * @param initdataDigest lower-case hexadecimal
     */
    public record Outcome(Optional<String> source, List<String> written, List<String> skipped, String initdataDigest) {
        public Outcome {
            written = List.copyOf(written);
            skipped = List.copyOf(skipped);
        }
    }

    private final Sources sources;
    private final GuestFiles files;
    private final boolean measuredOnly;
    private final PatientFetch.Time time;

    /** Provisions with the reference's rules. */
    public Provision(Sources sources, GuestFiles files) {
        this(sources, files, false);
    }

    /**
     * Provisions.
     *
     * @param measuredOnly whether configuration of the attestation components is refused unless it comes by initdata, whose
     *     digest is measured
     */
    public Provision(Sources sources, GuestFiles files, boolean measuredOnly) {
        this(sources, files, measuredOnly, PatientFetch.Time.real());
    }

    Provision(Sources sources, GuestFiles files, boolean measuredOnly, PatientFetch.Time time) {
        this.sources = sources;
        this.files = files;
        this.measuredOnly = measuredOnly;
        this.time = time;
    }

    /**
     * Does it.
     *
     * @param timeout how long to wait for user data
     * @throws ProvisionException in words; nothing was written unless the message says that writing failed
     * @throws InterruptedException if the thread was interrupted while waiting
     */
    public Outcome run(Duration timeout) throws ProvisionException, InterruptedException {
        Optional<UserDataSource> source = sources.find();
        FilePlan plan;
        if (source.isPresent()) {
            log.atInfo().addKeyValue("source", source.get().name()).log("fetching the user data");
            plan = new PatientFetch<>(source.get(), this::plan, time).within(timeout);
        } else {
            plan = planWithoutUserData();
        }
        var written = new ArrayList<String>();
        plan.write((path, content, mode) -> {
            try {
                files.write(path, content, mode);
            } catch (IOException e) {
                throw new ProvisionException(
                        "Writing " + files.locate(path) + " failed: " + e + ". Written before it: " + written
                                + ". Check the space and the rights there, then run this again.",
                        e);
            }
            written.add(path);
        });
        if (!files.exists(GuestPaths.APF_JSON)) {
            log.atWarn()
                    .addKeyValue("file", GuestPaths.APF_JSON)
                    .log("nobody has placed the forwarder's configuration: the forwarder will not start");
        }
        log.atInfo().addKeyValue("files", written).log("the pod VM is provisioned");
        return new Outcome(source.map(UserDataSource::name), written, plan.skipped(), plan.initdataDigest());
    }

    private FilePlan plan(byte[] content) throws ContractException {
        UserData userData = UserData.parse(content);
        if (userData.files().isEmpty()) {
            throw new ContractException("user data", "write_files", "at least one file", "none");
        }
        var plan = new FilePlan(measuredOnly);
        for (UserData.File file : userData.files()) {
            plan.addUserData(file.path(), file.content().getBytes(StandardCharsets.UTF_8));
        }
        return complete(plan);
    }

    private FilePlan planWithoutUserData() throws ProvisionException {
        if (!files.exists(GuestPaths.APF_JSON)) {
            throw new ProvisionException("This machine has no user data: " + sources.lookedAt() + "; and "
                    + files.locate(GuestPaths.APF_JSON)
                    + " was not placed by anybody else. Attach the configuration disk (label"
                    + " cidata), or name the cloud with --source.");
        }
        log.atInfo().log("no source of user data; somebody else (cloud-init) has placed the files");
        try {
            return complete(new FilePlan(measuredOnly));
        } catch (ContractException e) {
            throw new ProvisionException(
                    files.locate(GuestPaths.INITDATA) + " cannot be used: " + e.getMessage()
                            + ". Whoever places it must correct it.",
                    e);
        }
    }

    private FilePlan complete(FilePlan plan) throws ContractException {
        Optional<byte[]> initdata = plan.initdata();
        if (initdata.isEmpty()) {
            try {
                initdata = files.read(GuestPaths.INITDATA, INITDATA_LIMIT_BYTES);
            } catch (IOException e) {
                throw new ContractException("initdata", "", "a file that can be read", e.toString());
            }
        }
        if (initdata.isPresent()) {
            plan.addInitdata(Initdata.decode(new String(initdata.get(), StandardCharsets.ISO_8859_1)));
        } else {
            plan.addDummyInitdata();
        }
        return plan;
    }
}
