# syntax=docker/dockerfile:1

FROM rust:1.95.0-bookworm AS build
WORKDIR /build
# The manifest alone first: dependencies are built in a layer that a change of the source leaves
# alone. Each target that the manifest names needs a file.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src benches \
    && echo '//! A place-holder while the dependencies are built.' > src/lib.rs \
    && echo 'fn main() {}' > src/main.rs \
    && for bench in $(sed -n '/^\[\[bench\]\]/,/^$/s/^name = "\(.*\)"/\1/p' Cargo.toml); do \
        cp src/main.rs "benches/$bench.rs"; \
    done \
    && cargo build --release --locked --bin valuestream \
    && rm -r src benches
COPY . .
# The place-holder is younger than the sources: without this cargo would take it for the program.
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --bin valuestream \
    && mkdir /data

# It has no versions: whoever builds it anew gets Debian 12 with its fixes. Pin its digest where builds have to repeat.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/release/valuestream /usr/local/bin/valuestream
COPY --from=build --chown=10001:10001 /data /data
USER 10001:10001
WORKDIR /data
VOLUME /data
# No settings are in the image: a variable would win over a file that is mounted. By default the store is
# valuestream.db in /data, and the console is on the container's own loopback. To publish it, set
# VALUESTREAM__CONSOLE__LISTEN=0.0.0.0:5001 and VALUESTREAM__CONSOLE__TOKEN.
EXPOSE 5000 5001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["valuestream", "healthcheck"]
ENTRYPOINT ["valuestream"]
CMD ["serve"]
