# The image is the binary, the public certificate authorities, and an empty folder that its user may write reports to.
#
#   docker build -t foundrylab .
#   docker run --rm -p 8080:8080 foundrylab
#   docker run --rm -v "$PWD:/data" -u "$(id -u):$(id -g)" foundrylab run scenario.yaml --out out

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /image/foundrylab ./cmd/foundrylab \
 && mkdir -p /image/etc/ssl/certs /empty \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/

FROM scratch
COPY --from=build /image/ /
COPY --from=build --chown=65532:65532 /empty/ /data/
USER 65532:65532
WORKDIR /data
EXPOSE 8080
ENTRYPOINT ["/foundrylab"]
CMD ["sim", "--listen", "0.0.0.0:8080"]
