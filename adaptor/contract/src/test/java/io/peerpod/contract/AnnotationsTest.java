// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class AnnotationsTest {

    /** Nine keys, always all of them. */
    private static Map<String, String> asTheShimSends() {
        Map<String, String> map = new HashMap<>();
        map.put(Annotations.POD_NAME, "web");
        map.put(Annotations.POD_NAMESPACE, "shop");
        map.put(Annotations.MACHINE_TYPE, "");
        map.put(Annotations.IMAGE, "");
        map.put(Annotations.VCPUS, "0");
        map.put(Annotations.MEMORY, "0");
        map.put(Annotations.INITDATA, "");
        map.put(Annotations.GPUS, "");
        map.put(Annotations.GPU_MODEL, "");
        return map;
    }

    @Test
    void aPodThatAsksForNothingGetsNothing() throws ContractException {
        Annotations read = Annotations.of(asTheShimSends());
        assertThat(read.podName()).isEqualTo("web");
        assertThat(read.podNamespace()).isEqualTo("shop");
        assertThat(read.machineType()).isEmpty();
        assertThat(read.image()).isEmpty();
        assertThat(read.vcpus()).isZero();
        assertThat(read.memoryMib()).isZero();
        assertThat(read.gpus()).isZero();
        assertThat(read.initdata()).isEmpty();
        assertThat(read.problems()).isEmpty();
    }

    @Test
    void everyWishIsRead() throws ContractException {
        Map<String, String> map = asTheShimSends();
        map.put(Annotations.MACHINE_TYPE, "bx2-2x8");
        map.put(Annotations.IMAGE, "r006-1");
        map.put(Annotations.VCPUS, "1.5");
        map.put(Annotations.MEMORY, "512.25");
        map.put(Annotations.GPUS, "2");
        map.put(Annotations.GPU_MODEL, "h100");
        map.put(Annotations.INITDATA, "algorithm = \"sha256\"\n");
        Annotations read = Annotations.of(map);
        assertThat(read.machineType()).contains("bx2-2x8");
        assertThat(read.image()).contains("r006-1");
        assertThat(read.vcpus()).isEqualTo(1.5);
        assertThat(read.memoryMib()).isEqualTo(513);
        assertThat(read.gpus()).isEqualTo(2);
        assertThat(read.gpuModel()).contains("h100");
        assertThat(read.initdata()).contains("algorithm = \"sha256\"\n");
        assertThat(read.toString()).doesNotContain("algorithm");
    }

    @ParameterizedTest
    @CsvSource({
        "k8s_web_shop_0f1e_0, web",
        "k8s_web, web",
        "k8s, k8s",
        "web_k8s, web_k8s",
        "k8s-web, k8s-web",
    })
    void theNameOfCriOIsSplit(String value, String podName) throws ContractException {
        Map<String, String> map = asTheShimSends();
        map.put(Annotations.POD_NAME, value);
        assertThat(Annotations.of(map).podName()).isEqualTo(podName);
    }

    @ParameterizedTest
    @ValueSource(strings = {"two", "-1", "1,5", " 2", "0x2", "1e3", "NaN", "9999999999999", "1.", "\u0662"})
    void aQuantityThatCannotBeReadIsReportedAndTakenAsNotAskedFor(String value) throws ContractException {
        for (String key : new String[] {Annotations.VCPUS, Annotations.MEMORY, Annotations.GPUS}) {
            Map<String, String> map = asTheShimSends();
            map.put(key, value);
            Annotations read = Annotations.of(map);
            assertThat(read.vcpus()).isZero();
            assertThat(read.memoryMib()).isZero();
            assertThat(read.gpus()).isZero();
            assertThat(read.problems()).singleElement().asString().contains(key, "not asked for");
        }
    }

    @Test
    void gpusAreWhole() throws ContractException {
        Map<String, String> map = asTheShimSends();
        map.put(Annotations.GPUS, "1.0");
        assertThat(Annotations.of(map).gpus()).isEqualTo(1);
        map.put(Annotations.GPUS, "1.5");
        assertThat(Annotations.of(map).problems()).hasSize(1);
        map.put(Annotations.GPUS, "4294967296");
        assertThat(Annotations.of(map).gpus()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {Annotations.POD_NAME, Annotations.POD_NAMESPACE})
    void nameAndNamespaceAreMandatory(String key) {
        Map<String, String> map = asTheShimSends();
        map.remove(key);
        assertThatThrownBy(() -> Annotations.of(map))
                .isInstanceOf(ContractException.class)
                .hasMessageContaining(key);
        for (String bad : new String[] {"", "a b", "a\nb", "a\u0000", "x".repeat(600)}) {
            map.put(key, bad);
            assertThatThrownBy(() -> Annotations.of(map))
                    .isInstanceOf(ContractException.class)
                    .hasMessageContaining(key);
        }
        map.put(Annotations.POD_NAME, "k8s__shop");
        map.put(Annotations.POD_NAMESPACE, "shop");
        assertThatThrownBy(() -> Annotations.of(map)).hasMessageContaining(Annotations.POD_NAME);
    }
}
