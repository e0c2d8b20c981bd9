// SPDX-License-Identifier: Apache-2.0
package io.peerpod.forwarder.provision;

import io.peerpod.contract.GuestPaths;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/**
 * Where user data may come from, and which of them this machine has (adaptor.md 7.1): the file first, then the metadata service
 * of the cloud that the firmware's tables name. The tables exist on x86_64 and arm64; elsewhere, and against tables that lie,
 * a cloud can be named.
 */
public final class Sources {

    /** Largest user data read from anywhere; the largest a cloud of today delivers is 256 KiB. */
    public static final int USER_DATA_LIMIT_BYTES = 1 << 20;

    private static final String FIRMWARE_TABLES = "/sys/class/dmi/id/";
    private static final int FIRMWARE_ENTRY_LIMIT_BYTES = 4096;
    private static final String AZURE_CHASSIS_TAG = "7783-7084-3265-9085-8269-3286-77";
    private static final URI LINK_LOCAL_SERVICE = URI.create("http://169.254.169.254");
    private static final URI ALIBABA_SERVICE = URI.create("http://100.100.100.200");

    /** A place to look at; {@link #AUTOMATIC} finds out. */
    public enum Place {
        AUTOMATIC,
        FILE,
        AZURE,
        AWS,
        GOOGLE,
        ALIBABA;

        /**
         * Reads the name used on the command line.
         *
         * @throws IllegalArgumentException saying what is accepted
         */
        public static Place parse(String text) {
            return switch (text.toLowerCase(Locale.ROOT)) {
                case "auto" -> AUTOMATIC;
                case "file" -> FILE;
                case "azure" -> AZURE;
                case "aws" -> AWS;
                case "gcp" -> GOOGLE;
                case "alibaba" -> ALIBABA;
                default -> throw new IllegalArgumentException("one of auto, file, azure, aws, gcp, alibaba");
            };
        }
    }

    private final GuestFiles files;
    private final Place place;
    private final Optional<URI> endpoint;
    private final boolean awsWithoutToken;
    private final Duration settling;

    private Sources(GuestFiles files, Place place, Optional<URI> endpoint, boolean awsWithoutToken, Duration settling) {
        this.files = files;
        this.place = place;
        this.endpoint = endpoint;
        this.awsWithoutToken = awsWithoutToken;
        this.settling = settling;
    }

    /** Finds out by itself; a file that was written a moment ago is given half a second to become complete. */
    public static Sources automatic(GuestFiles files) {
        return new Sources(files, Place.AUTOMATIC, Optional.empty(), false, Duration.ofMillis(500));
    }

    /** Only the file, which is known to be complete. */
    public static Sources file(GuestFiles files) {
        return new Sources(files, Place.FILE, Optional.empty(), false, Duration.ZERO);
    }

    /** The same, looking at this place only. */
    public Sources at(Place chosen) {
        return new Sources(files, chosen, endpoint, awsWithoutToken, settling);
    }

    /** The same, asking the metadata service at this address, for example {@code http://127.0.0.1:8080}. */
    public Sources endpoint(URI address) {
        return new Sources(files, place, Optional.of(address), awsWithoutToken, settling);
    }

    /** The same, falling back to requests without a session token on AWS. */
    public Sources awsWithoutToken() {
        return new Sources(files, place, endpoint, true, settling);
    }

    /** The source of this machine; empty if nothing tells of any. */
    public Optional<UserDataSource> find() {
        return switch (place) {
            case FILE -> Optional.of(new FileSource(files, GuestPaths.USER_DATA, settling));
            case AZURE -> Optional.of(MetadataSource.azure(endpoint.orElse(LINK_LOCAL_SERVICE)));
            case AWS -> Optional.of(MetadataSource.aws(endpoint.orElse(LINK_LOCAL_SERVICE), awsWithoutToken));
            case GOOGLE -> Optional.of(MetadataSource.google(endpoint.orElse(LINK_LOCAL_SERVICE)));
            case ALIBABA -> Optional.of(MetadataSource.alibaba(endpoint.orElse(ALIBABA_SERVICE)));
            case AUTOMATIC -> detect().flatMap(found -> at(found).find());
        };
    }

    /** What was looked at, for the message that nothing was found. */
    String lookedAt() {
        return place == Place.AUTOMATIC
                ? files.locate(GuestPaths.USER_DATA) + " does not exist, and the firmware tables in "
                        + files.locate(FIRMWARE_TABLES) + " name no cloud whose metadata service is known (vendor '"
                        + firmware("sys_vendor") + "', product '" + firmware("product_name") + "')"
                : "only '" + place.name().toLowerCase(Locale.ROOT) + "' was looked at";
    }

    private Optional<Place> detect() {
        if (files.exists(GuestPaths.USER_DATA)) {
            return Optional.of(Place.FILE);
        }
        String vendor = firmware("sys_vendor");
        if (firmware("chassis_asset_tag").equals(AZURE_CHASSIS_TAG)) {
            return Optional.of(Place.AZURE);
        }
        if (vendor.equals("Amazon EC2")) {
            return Optional.of(Place.AWS);
        }
        if (vendor.equals("Google") || firmware("product_name").equals("Google Compute Engine")) {
            return Optional.of(Place.GOOGLE);
        }
        return vendor.equals("Alibaba Cloud") ? Optional.of(Place.ALIBABA) : Optional.empty();
    }

    private String firmware(String entry) {
        try {
            return files.read(FIRMWARE_TABLES + entry, FIRMWARE_ENTRY_LIMIT_BYTES)
                    .map(bytes -> new String(bytes, StandardCharsets.ISO_8859_1).strip())
                    .orElse("");
        } catch (IOException e) {
            // Unreadable or absent: this machine says nothing of itself.
            return "";
        }
    }
}
