// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Strict UTF-8. */
final class Utf8 {
    private Utf8() {}

    static String decode(String document, byte[] bytes, int maxBytes) throws ContractException {
        if (bytes.length > maxBytes) {
            throw new ContractException(document, "", "at most " + maxBytes + " bytes", bytes.length + " bytes");
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new ContractException(document, "", "text in UTF-8", "bytes that are none");
        }
    }
}
