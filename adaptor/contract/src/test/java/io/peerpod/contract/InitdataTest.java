// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class InitdataTest {

    @Test
    void theDummyHasTheMeasuredBytesAndDigest() throws ContractException {
        assertThat(Initdata.DUMMY.toml()).hasSize(66);
        assertThat(Initdata.DUMMY.digestHex())
                .isEqualTo("adb48cc14fea9403d3d51f3b5f5068fd4d80445a14e94f1b3d5dbabaad66478d");
        Initdata read = Initdata.parseToml(Initdata.DUMMY.toml());
        assertThat(read.algorithm()).isEqualTo(Initdata.DUMMY.algorithm());
        assertThat(read.version()).isEqualTo(Initdata.DUMMY.version());
        assertThat(read.data()).isEqualTo(Map.of("aa.toml", "")).isEqualTo(Initdata.DUMMY.data());
    }

    /** The sample of the reference's documentation; the digest given there is the one without the last newline. */
    @Test
    void theSampleOfThePublicDocumentationHasItsDigest() throws ContractException {
        Initdata sample = Initdata.decode(Golden.text("initdata-sample.b64"));
        assertThat(sample.digestHex())
                .isEqualTo(
                        "52af3178dd7ad4bf551e629b84b45bfd1fbe1434b980120267181ae3575ea20ca9013b8eadf31d27eed7ff2552d500ef");
        assertThat(sample.isKnownVersion()).isTrue();
        assertThat(sample.data().keySet()).containsExactly("aa.toml", "cdh.toml", "policy.rego");
        assertThat(sample.data().get("policy.rego"))
                .startsWith("package agent_policy\n")
                .endsWith(" := false\n");
        assertThat(Initdata.decode(sample.encode())).isEqualTo(sample);
    }

    @Test
    void encodingAndDecodingKeepEveryByte() throws ContractException {
        String encoded = Initdata.DUMMY.encode();
        assertThat(encoded).isEqualTo(Initdata.DUMMY.encode()).doesNotContain("\n");
        assertThat(Initdata.decode(encoded)).isEqualTo(Initdata.DUMMY);
        assertThat(Initdata.decode(encoded.substring(0, 10) + "\r\n" + encoded.substring(10) + "\n"))
                .isEqualTo(Initdata.DUMMY);
    }

    @Test
    void theGzipHeaderCarriesNoTime() {
        byte[] gzip = Base64.getDecoder().decode(Initdata.DUMMY.encode());
        assertThat(Arrays.copyOf(gzip, 10)).containsExactly(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
    }

    @ParameterizedTest
    @ValueSource(strings = {"SHA256", "sha-256", "sha1", "", " sha256"})
    void onlyTheThreeExactAlgorithmNamesAreTaken(String name) {
        assertRefused("algorithm = \"" + name + "\"\n", "algorithm", "sha256, sha384, sha512");
    }

    @Test
    void unknownKeysAreIgnoredAndMissingOnesAreNamed() throws ContractException {
        Initdata read =
                parse("algorithm = \"sha512\"\nother = 1979-05-27\n[data]\n\"x\" = \"y\"\n[more.depth]\na = [1, 2]\n");
        assertThat(read.data()).containsExactly(Map.entry("x", "y"));
        assertThat(read.isKnownVersion()).isFalse();
        assertThat(read.digestHex()).hasSize(128);
        assertThat(parse("version = \"0.1.0\"\nalgorithm = \"sha384\"").isKnownVersion())
                .isTrue();
        assertRefused("version = \"0.1.0\"\n", "algorithm", "nothing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "1.5", "true", "1979-05-27", "07:32:00", "[\"a\"]", "{ b = \"c\" }"})
    void dataThatIsNoTextIsRefused(String value) {
        assertRefused("algorithm = \"sha256\"\n[data]\nx = " + value + "\n", "data.'x'", "a text");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "algorithm = \"sha256\"\nalgorithm = \"sha256\"\n",
                "algorithm = \"sha256\"\n[data]\nx = \"a\"\nx = \"b\"\n",
                "algorithm = \"sha256\"\n[data]\n[data]\n",
                "algorithm = \"sha256\"\n[data]\nx = '''never ends",
                "algorithm = \"sha256\"\nversion = 1\n",
                "algorithm = \"sha256\"\ndata = \"text\"\n",
                "algorithm = sha256\n",
                "{\"algorithm\": \"sha256\"}",
                "\u0000",
                "algorithm = \"sha256\u0000\"\n",
            })
    void brokenDocumentsAreRefused(String toml) {
        assertThatThrownBy(() -> parse(toml)).isInstanceOf(ContractException.class);
    }

    @Test
    void deepNestingIsRefusedWithoutRecursion() {
        assertRefused("algorithm = \"sha256\"\nx = " + "[".repeat(10_000) + "]".repeat(10_000), "", "64 nested");
        assertThatThrownBy(() -> parse("algorithm = \"sha256\"\n" + "a.".repeat(10_000) + "b = 1\n"))
                .isInstanceOf(ContractException.class);
    }

    @Test
    void aBombIsStoppedAtTheLimit() {
        String bomb = Initdata.encode(new byte[Initdata.MAX_TOML_BYTES * 20]);
        assertThat(bomb.length()).isLessThan(200_000);
        assertThatThrownBy(() -> Initdata.decode(bomb))
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("at most " + Initdata.MAX_TOML_BYTES + " bytes decompressed");
    }

    @Test
    void everyTruncationAndEveryGarbageBehindIsRefused() {
        byte[] gzip = Base64.getDecoder().decode(Initdata.DUMMY.encode());
        for (int length = 0; length < gzip.length; length++) {
            byte[] piece = Arrays.copyOf(gzip, length);
            assertThatThrownBy(() -> Initdata.decode(Base64.getEncoder().encodeToString(piece)))
                    .isInstanceOf(ContractException.class);
        }
        byte[] longer = Arrays.copyOf(gzip, gzip.length + 3);
        assertThatThrownBy(() -> Initdata.decode(Base64.getEncoder().encodeToString(longer)))
                .isInstanceOf(ContractException.class)
                .hasMessageContaining("behind the gzip data");
    }

    @Test
    void everyFlippedByteIsAnErrorOrTheSameDocument() {
        byte[] gzip = Base64.getDecoder().decode(Initdata.DUMMY.encode());
        for (int i = 0; i < gzip.length; i++) {
            byte[] flipped = gzip.clone();
            flipped[i] ^= 0x55;
            try {
                assertThat(Initdata.decode(Base64.getEncoder().encodeToString(flipped)))
                        .isEqualTo(Initdata.DUMMY);
            } catch (ContractException e) {
                assertThat(e.document()).isEqualTo("initdata");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n", "H4sI", "H4sIAAAA AAAA", "----", "AAAA=AAA", "algorithm = \"sha256\"", "é"})
    void whatIsNoBase64OfGzipIsRefused(String text) {
        assertThatThrownBy(() -> Initdata.decode(text)).isInstanceOf(ContractException.class);
    }

    @Test
    void severalMembersAreOneDocument() throws ContractException {
        byte[] toml = Initdata.DUMMY.toml();
        byte[] first = Gzip.compress(Arrays.copyOf(toml, 20));
        byte[] second = Gzip.compress(Arrays.copyOfRange(toml, 20, toml.length));
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        assertThat(Initdata.decode(Base64.getEncoder().encodeToString(both))).isEqualTo(Initdata.DUMMY);
    }

    private static Initdata parse(String toml) throws ContractException {
        return Initdata.parseToml(toml.getBytes(StandardCharsets.UTF_8));
    }

    private static void assertRefused(String toml, String place, String... words) {
        assertThatThrownBy(() -> parse(toml))
                .isInstanceOfSatisfying(
                        ContractException.class, e -> assertThat(e.place()).isEqualTo(place))
                .satisfies(e -> assertThat(e.getMessage()).contains(words));
    }
}
