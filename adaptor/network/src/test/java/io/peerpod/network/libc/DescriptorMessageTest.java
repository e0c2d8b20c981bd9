// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network.libc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteOrder;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class DescriptorMessageTest {
    private static final byte[] NOTHING = new byte[0];

    @Test
    void rightsAreLaidOutAsEachMachineDoesIt() {
        assertThat(hex(DescriptorMessage.control(ByteOrder.LITTLE_ENDIAN, 5, 6, 7)))
                .isEqualTo("1c000000000000000100000001000000" + "050000000600000007000000" + "00000000");
        assertThat(hex(DescriptorMessage.control(ByteOrder.BIG_ENDIAN, 5, 6, 7)))
                .isEqualTo("000000000000001c0000000100000001" + "000000050000000600000007" + "00000000");
    }

    @Test
    void whatWasLaidOutIsReadBackInBothOrders() {
        for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
            byte[] control = DescriptorMessage.control(order, 3, 4);
            DescriptorMessage message = DescriptorMessage.of(NOTHING, order, control, Constants.MSG_CTRUNC);
            assertThat(message.descriptors()).containsExactly(3, 4);
            assertThat(message.truncated()).isTrue();
        }
    }

    @Test
    void otherPartsArePassedOverAndBrokenOnesEndTheReading() {
        byte[] two = HexFormat.of()
                .parseHex("1400000000000000" + "0100000002000000" + "0900000000000000" + "1400000000000000"
                        + "0100000001000000" + "0800000000000000");
        assertThat(DescriptorMessage.of(NOTHING, ByteOrder.LITTLE_ENDIAN, two, 0)
                        .descriptors())
                .containsExactly(8);
        two[24] = (byte) 0xff;
        assertThat(DescriptorMessage.of(NOTHING, ByteOrder.LITTLE_ENDIAN, two, 0)
                        .descriptors())
                .isEmpty();
        two[0] = 0;
        assertThat(DescriptorMessage.of(NOTHING, ByteOrder.LITTLE_ENDIAN, two, 0)
                        .descriptors())
                .isEmpty();
    }

    @Test
    void moreThanTheKernelTakesIsRefusedInWords() {
        assertThatThrownBy(() -> DescriptorMessage.control(ByteOrder.nativeOrder(), new int[254]))
                .hasMessageContaining("253");
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
