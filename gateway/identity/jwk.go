package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
)

// jwk is a JSON Web Key (RFC 7517, 7518), as far as it is read.
type jwk struct {
	KTY string `json:"kty"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	KID string `json:"kid"`
	N   string `json:"n"`
	E   string `json:"e"`
	CRV string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
}

// signingKey is a public key: *rsa.PublicKey or *ecdsa.PublicKey.
type signingKey struct {
	public any
	alg    string // the only algorithm it is for; "": any of its kind
}

// forAlgorithm returns the key if a token may use it with that algorithm. That the algorithm fits the kind of key is seen to
// by who verifies.
func (k signingKey) forAlgorithm(alg string) (any, error) {
	if k.alg != "" && k.alg != alg {
		return nil, TokenAlgorithm
	}
	return k.public, nil
}

// Bounds on keys.
const (
	maxSigningKeys = 100
	minRSABits     = 2048
	maxRSABits     = 8192 // larger ones only cost time
	maxExponent    = 1<<31 - 1
)

// readKeys returns the keys of a set that can verify signatures, by name. Others are left out: a set may hold kinds that
// this program does not know.
func readKeys(set []jwk) map[string]signingKey {
	keys := map[string]signingKey{}
	for _, k := range set {
		if len(keys) == maxSigningKeys {
			break
		}
		if k.KID == "" || k.Use != "" && k.Use != "sig" {
			continue
		}
		var public any
		switch k.KTY {
		case "RSA":
			public = k.rsa()
		case "EC":
			public = k.ec()
		}
		if _, taken := keys[k.KID]; public != nil && !taken {
			keys[k.KID] = signingKey{public, k.Alg}
		}
	}
	return keys
}

func (k *jwk) rsa() any {
	n, err1 := base64.RawURLEncoding.DecodeString(k.N)
	e, err2 := base64.RawURLEncoding.DecodeString(k.E)
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if err1 != nil || err2 != nil || modulus.BitLen() < minRSABits || modulus.BitLen() > maxRSABits || modulus.Bit(0) == 0 ||
		!exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() > maxExponent || exponent.Bit(0) == 0 {
		return nil
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
}

func (k *jwk) ec() any {
	var curve elliptic.Curve
	switch k.CRV {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil
	}
	x, err1 := base64.RawURLEncoding.DecodeString(k.X)
	y, err2 := base64.RawURLEncoding.DecodeString(k.Y)
	size := (curve.Params().BitSize + 7) / 8
	if err1 != nil || err2 != nil || len(x) != size || len(y) != size {
		return nil
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	if err != nil { // not on the curve
		return nil
	}
	return public
}
