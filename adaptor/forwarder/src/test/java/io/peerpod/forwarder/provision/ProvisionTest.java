// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.contract.Initdata;
import io.peerpod.contract.UserData;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Base64;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProvisionTest {

    private static final String DUMMY_DIGEST = "adb48cc14fea9403d3d51f3b5f5068fd4d80445a14e94f1b3d5dbabaad66478d";
    private static final String APF = "{\"pod-name\": \"web\"}\n";
    private static final Duration TIMEOUT = Duration.ofMinutes(3);

    /** A clock that runs only when somebody sleeps. */
    private static final class SleepingClock implements PatientFetch.Time {
        private long nanos;

        @Override
        public long nanos() {
            return nanos;
        }

        @Override
        public void sleep(Duration pause) {
            nanos += pause.toNanos();
        }
    }

    @TempDir
    private Path root;

    private Provision.Outcome provision(boolean measuredOnly) throws ProvisionException, InterruptedException {
        var files = new GuestFiles(root);
        return new Provision(Sources.file(files), files, measuredOnly, new SleepingClock()).run(TIMEOUT);
    }

    private Provision.Outcome provision(UserData userData) throws Exception {
        place("media/cidata/user-data", userData.write());
        return provision(false);
    }

    private void place(String path, String content) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.resolve("..").normalize());
        Files.writeString(file, content);
    }

    private Path run(String name) {
        return root.resolve("run/peerpod").resolve(name);
    }

    private static String initdata(String data) {
        return Initdata.encode(
                ("algorithm = \"sha384\"\nversion = \"0.1.0\"\n\n[data]\n" + data).getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void theForwardersConfigurationIsPlacedAndADummyInitdataBesideIt() throws Exception {
        var outcome = provision(UserData.EMPTY.with("/run/peerpod/apf.json", APF));
        assertThat(run("apf.json")).hasContent(APF);
        assertThat(run("aa.toml")).isEmptyFile();
        assertThat(Files.readString(run("initdata.digest"))).isEqualTo(DUMMY_DIGEST);
        assertThat(outcome.initdataDigest()).isEqualTo(DUMMY_DIGEST);
        assertThat(outcome.skipped()).isEmpty();
        assertThat(run("policy.rego")).doesNotExist();
    }

    @Test
    void secretsAreReadableByTheirOwnerOnly() throws Exception {
        provision(UserData.EMPTY.with("/run/peerpod/apf.json", APF).with("/run/peerpod/auth.json", "{}\n"));
        assertThat(mode("apf.json")).isEqualTo("rw-------");
        assertThat(mode("auth.json")).isEqualTo("rw-------");
        assertThat(mode("aa.toml")).isEqualTo("rw-r--r--");
        assertThat(mode("initdata.digest")).isEqualTo("rw-r--r--");
    }

    private String mode(String name) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(run(name)));
    }

    @Test
    void initdataIsUnpackedAndMeasured() throws Exception {
        String encoded = initdata(
                "\"aa.toml\" = '''\naa\n'''\n\"cdh.toml\" = '''\ncdh\n'''\n\"policy.rego\" = '''\npackage agent_policy\n'''\n\"other\" = \"x\"\n");
        var outcome = provision(
                UserData.EMPTY.with("/run/peerpod/apf.json", APF).with("/run/peerpod/initdata", encoded + "\n"));
        assertThat(run("aa.toml")).hasContent("aa\n");
        assertThat(run("cdh.toml")).hasContent("cdh\n");
        assertThat(run("policy.rego")).hasContent("package agent_policy\n");
        assertThat(Files.readString(run("initdata.digest")))
                .isEqualTo(Initdata.decode(encoded).digestHex())
                .hasSize(96);
        assertThat(run("initdata")).hasContent(encoded + "\n");
        assertThat(outcome.skipped()).containsExactly("other");
        assertThat(run("other")).doesNotExist();
    }

    @Test
    void whatStartsTheRestIsWrittenLast() throws Exception {
        var outcome = provision(UserData.EMPTY
                .with(
                        "/run/peerpod/initdata",
                        initdata("\"policy.rego\" = \"p\"\n\"cdh.toml\" = \"c\"\n\"aa.toml\" = \"a\"\n"))
                .with("/run/peerpod/apf.json", APF)
                .with("/run/peerpod/scratch-space.marker", ""));
        assertThat(outcome.written())
                .containsExactly(
                        "/run/peerpod/scratch-space.marker",
                        "/run/peerpod/initdata",
                        "/run/peerpod/initdata.digest",
                        "/run/peerpod/policy.rego",
                        "/run/peerpod/cdh.toml",
                        "/run/peerpod/apf.json",
                        "/run/peerpod/aa.toml");
        assertThat(run("scratch-space.marker")).isEmptyFile();
    }

    @Test
    void filesElsewhereAreSkippedNotWritten() throws Exception {
        var outcome = provision(UserData.EMPTY
                .with("/run/peerpod/apf.json", APF)
                .with("/etc/passwd", "root::0:0\n")
                .with("/run/peerpod/../../etc/shadow", "x\n")
                .with("/run/peerpod/policy.rego", "package agent_policy\n"));
        assertThat(outcome.skipped())
                .containsExactly("/etc/passwd", "/run/peerpod/../../etc/shadow", "/run/peerpod/policy.rego");
        assertThat(root.resolve("etc")).doesNotExist();
        assertThat(run("policy.rego")).doesNotExist();
    }

    @Test
    void initdataKeysThatLeadElsewhereAreSkipped() throws Exception {
        var outcome = provision(UserData.EMPTY
                .with("/run/peerpod/apf.json", APF)
                .with(
                        "/run/peerpod/initdata",
                        initdata("\"../../etc/passwd\" = \"x\"\n\"apf.json\" = \"x\"\n\"./cdh.toml\" = \"c\"\n")));
        assertThat(outcome.skipped()).containsExactlyInAnyOrder("../../etc/passwd", "apf.json");
        assertThat(run("cdh.toml")).hasContent("c");
        assertThat(run("apf.json")).hasContent(APF);
    }

    @Test
    void twoInitdataKeysForOneFileAreRefused() throws Exception {
        place(
                "media/cidata/user-data",
                UserData.EMPTY
                        .with("/run/peerpod/initdata", initdata("\"./aa.toml\" = \"1\"\n\"aa.toml\" = \"2\"\n"))
                        .write());
        assertThatThrownBy(() -> provision(false)).hasMessageContaining("one entry for /run/peerpod/aa.toml");
        assertThat(run("aa.toml")).doesNotExist();
    }

    @Test
    void measuredConfigurationWinsOverUnmeasured() throws Exception {
        provision(UserData.EMPTY
                .with("/run/peerpod/apf.json", APF)
                .with("/run/peerpod/aa.toml", "from user data\n")
                .with("/run/peerpod/cdh.toml", "from user data\n")
                .with("/run/peerpod/initdata", initdata("\"aa.toml\" = \"measured\"\n")));
        assertThat(run("aa.toml")).hasContent("measured");
        assertThat(run("cdh.toml")).hasContent("from user data\n");
    }

    @Test
    void unmeasuredConfigurationCanBeRefused() throws Exception {
        place(
                "media/cidata/user-data",
                UserData.EMPTY
                        .with("/run/peerpod/apf.json", APF)
                        .with("/run/peerpod/cdh.toml", "x\n")
                        .write());
        assertThatThrownBy(() -> provision(true)).hasMessageContaining("--measured-only");
        assertThat(run("apf.json")).doesNotExist();
    }

    @Test
    void aGzipBombIsRefusedAndNothingIsWritten() throws Exception {
        var bomb = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(bomb)) {
            byte[] zeros = new byte[1 << 20];
            for (int i = 0; i < 256; i++) {
                gzip.write(zeros);
            }
        }
        place(
                "media/cidata/user-data",
                UserData.EMPTY
                        .with("/run/peerpod/apf.json", APF)
                        .with("/run/peerpod/initdata", Base64.getEncoder().encodeToString(bomb.toByteArray()))
                        .write());
        assertThatThrownBy(() -> provision(false)).isInstanceOf(ProvisionException.class);
        assertThat(run("apf.json")).doesNotExist();
    }

    @Test
    void malformedUserDataIsRefusedInWords() throws Exception {
        for (String bad : new String[] {
            "not a cloud-config\n",
            "#cloud-config\n",
            "#cloud-config\n\nwrite_files:\n  - path: /run/peerpod/apf.json\n    permissions: '0644'\n    content: x\n",
            "#cloud-config\n\nwrite_files: {{{{{{{{\n",
            "#cloud-config\n\nruncmd:\n  - rm -rf /\n"
        }) {
            place("media/cidata/user-data", bad);
            assertThatThrownBy(() -> provision(false))
                    .isInstanceOf(ProvisionException.class)
                    .hasMessageContaining("cannot be used");
        }
        assertThat(root.resolve("run")).doesNotExist();
    }

    @Test
    void aMachineWithoutUserDataFailsInWords() {
        var files = new GuestFiles(root);
        assertThatThrownBy(() -> new Provision(Sources.automatic(files), files).run(TIMEOUT))
                .isInstanceOf(ProvisionException.class)
                .hasMessageContaining("no user data")
                .hasMessageContaining("cidata");
    }

    @Test
    void aMachineThatCloudInitProvisionedGetsItsInitdataUnpacked() throws Exception {
        place("run/peerpod/apf.json", APF);
        place("run/peerpod/initdata", initdata("\"aa.toml\" = \"measured\"\n") + "\n");
        var files = new GuestFiles(root);
        var outcome = new Provision(Sources.automatic(files), files).run(TIMEOUT);
        assertThat(outcome.source()).isEmpty();
        assertThat(run("aa.toml")).hasContent("measured");
        assertThat(run("apf.json")).hasContent(APF);
    }

    @Test
    void runningAgainGivesTheSameFiles() throws Exception {
        var userData = UserData.EMPTY.with("/run/peerpod/apf.json", APF);
        String digest = provision(userData).initdataDigest();
        assertThat(provision(userData).initdataDigest()).isEqualTo(digest);
        try (var entries = Files.list(run("."))) {
            assertThat(entries.map(path -> String.valueOf(path.getFileName())))
                    .containsExactlyInAnyOrder("apf.json", "initdata", "initdata.digest", "aa.toml");
        }
    }
}
