package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"time"
)

// listenTLS serves HTTPS with a certificate that nobody has signed: TLS 1.2 alone, 1.3 alone, or only for clients with a
// certificate (mutual).
func listenTLS(server *http.Server, kind string) {
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{unsigned()}}
	switch kind {
	case "1.2":
		server.TLSConfig.MaxVersion = tls.VersionTLS12
	case "1.3":
		server.TLSConfig.MinVersion = tls.VersionTLS13
	case "mutual":
		server.TLSConfig.ClientAuth = tls.RequireAnyClientCert
	}
	listen(func() error { return server.ListenAndServeTLS("", "") })
}

func unsigned() tls.Certificate {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}
}
