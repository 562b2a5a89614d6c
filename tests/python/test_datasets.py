"""The toy is easy and honest, the halves are disjoint, and a download is whole, verified and made once."""

import hashlib
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid

from itclust import datasets, download, io


def log_cp10k(adata):
    x = adata.X.toarray()
    return np.log1p(x / x.sum(axis=1, keepdims=True) * 1e4)


# --------------------------------------------------------------------------------------------------------------- toy


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "method", [LogisticRegression(max_iter=500), NearestCentroid()], ids=lambda m: type(m).__name__
)
def test_any_right_method_gets_the_toy(method, seed):
    source, target = datasets.toy(random_state=seed)
    method.fit(log_cp10k(source), source.obs["cell_type"])
    assert method.score(log_cp10k(target), target.obs["truth"]) > 0.95


def test_toy_is_counts_with_structure():
    source, target = datasets.toy()
    for adata in (source, target):
        assert adata.shape == (400, 200)
        assert adata.X.format == "csr"
        np.testing.assert_array_equal(adata.X.data, np.round(adata.X.data))
        assert adata.obs_names.is_unique
        assert adata.var_names.is_unique
        assert (adata.X > 0).sum(axis=1).min() > 100  # also passes the 2020 recipe's filter of cells
        library = np.asarray(adata.X.sum(axis=1)).ravel()
        assert 0.2 < np.log(library).std() < 0.5
    assert source.var_names.equals(target.var_names)
    assert not set(source.obs_names) & set(target.obs_names)
    of_one_type = source[source.obs["cell_type"] == "B"].X.toarray()
    high = of_one_type.mean(axis=0) > 20
    assert (of_one_type.var(axis=0)[high] > 1.5 * of_one_type.mean(axis=0)[high]).mean() > 0.9  # wider than Poisson


def test_the_batch_effect_is_what_was_asked_for():
    def shift(batch_effect):
        source, target = datasets.toy(2000, 2000, batch_effect=batch_effect)
        b = [log_cp10k(a[a.obs["cell_type"] == "B"]).mean(axis=0) for a in (source, target)]
        return (b[1] - b[0]).std()

    assert shift(0) < 0.1
    assert 0.3 < shift(0.4) < 0.5


def test_toy_same_seed_same_data():
    a, b, c = datasets.toy(random_state=3), datasets.toy(random_state=3), datasets.toy(random_state=4)
    assert (a[1].X != b[1].X).nnz == 0
    assert a[1].obs.equals(b[1].obs)
    assert (a[1].X != c[1].X).nnz > 0


@pytest.mark.parametrize(("absent", "novel"), [(0, 0), (2, 0), (0, 2), (1, 1), (4, 1)])
def test_absent_and_novel_types(absent, novel):
    source, target = datasets.toy(absent=absent, novel=novel)
    types, truth = set(source.obs["cell_type"]), set(target.obs["truth"])
    assert len(types) == 4
    assert len(types - truth) == absent
    assert len(truth - types) == novel
    assert target.obs["truth"].equals(target.obs["cell_type"].rename("truth"))


def test_toy_with_many_types_and_few_cells():
    source, target = datasets.toy(12, 13, 60, 12, novel=1)
    assert source.obs["cell_type"].nunique() == 12
    assert target.obs["truth"].nunique() == 13


@pytest.mark.parametrize("wrong", [{"absent": 4}, {"n_types": 0}, {"absent": -1}, {"n_source": 3}, {"n_genes": 10}])
def test_toy_refuses_what_cannot_be(wrong):
    with pytest.raises(ValueError, match="received"):
        datasets.toy(**wrong)


def test_toy_goes_through_a_csv_of_genes_by_cells(tmp_path):
    source, _ = datasets.toy(30, 30)
    source.to_df().T.to_csv(tmp_path / "x.csv")
    read = io.read(tmp_path / "x.csv")
    assert read.obs_names.equals(source.obs_names)
    np.testing.assert_array_equal(read.X if isinstance(read.X, np.ndarray) else read.X.toarray(), source.X.toarray())


# -------------------------------------------------------------------------------------------------------------- pbmc


def test_pbmc_halves_are_disjoint_stratified_and_all():
    source, target = datasets.pbmc()
    assert source.shape == target.shape == (350, 765)
    assert len({*source.obs_names, *target.obs_names}) == 700
    counts = [a.obs["bulk_labels"].value_counts() for a in (source, target)]
    assert len(counts[0]) == 10
    assert (counts[0] - counts[1]).abs().max() <= 1
    assert source.X.min() == 0  # log values, not the scaled ones
    assert not np.allclose(source.X.data, np.round(source.X.data))
    assert source.obs_names.equals(datasets.pbmc()[0].obs_names)
    assert not source.obs_names.equals(datasets.pbmc(random_state=1)[0].obs_names)


# ---------------------------------------------------------------------------------------------------------- download


class Server(ThreadingHTTPServer):
    """Serves one file; counts what was asked of it."""

    content, promised, n_requests = b"", None, 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/files/1"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.n_requests += 1
        if self.path != "/files/1":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(self.server.promised or len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    counts = np.arange(12, dtype=np.float32).reshape(4, 3)
    obs = pd.DataFrame({"celltype": ["alpha", "beta"] * 2, "tech": ["celseq"] * 4}, index=[f"c{i}" for i in range(4)])
    adata = ad.AnnData(sparse.csr_matrix(np.log1p(counts)), obs, layers={"counts": sparse.csr_matrix(counts)})
    file = tmp_path_factory.mktemp("served") / "x.h5ad"
    adata.write_h5ad(file)
    with Server(("127.0.0.1", 0), Answer) as server:
        server.content = file.read_bytes()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_pancreas_is_downloaded_once_and_verified(server, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("ITCLUST_CACHE", str(tmp_path / "cache"))
    with caplog.at_level(logging.INFO, "itclust"):
        adata = datasets.pancreas(url=server.url)
    np.testing.assert_array_equal(adata.X.toarray(), np.arange(12).reshape(4, 3))
    np.testing.assert_allclose(adata.layers["log_normalized"].toarray(), np.log1p(np.arange(12).reshape(4, 3)))
    assert list(adata.layers) == ["log_normalized"]
    digest = hashlib.sha256(server.content).hexdigest()
    assert digest in caplog.text
    assert (tmp_path / "cache" / "pancreas.h5ad.sha256").read_text() == f"{digest}  pancreas.h5ad\n"
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["pancreas.h5ad", "pancreas.h5ad.sha256"]
    datasets.pancreas(url=server.url)
    datasets.pancreas(url=server.url, sha256=digest.upper())
    assert server.n_requests == 1


def test_a_changed_file_is_noticed(server, tmp_path):
    path = download.fetch(server.url, tmp_path / "x.h5ad")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match=r"is not the file that it was: sha256 .* Delete it"):
        download.fetch(server.url, path)
    path.unlink()
    assert download.fetch(server.url, path).read_bytes() == server.content


def test_a_wrong_file_is_not_kept(server, tmp_path):
    with pytest.raises(ValueError, match="gave another file than expected"):
        download.fetch(server.url, tmp_path / "x", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []
    digest = hashlib.sha256(server.content).hexdigest()
    assert download.fetch(server.url, tmp_path / "x", sha256=digest).read_bytes() == server.content


def test_a_download_cut_short_is_not_kept(server, tmp_path):
    server.promised = len(server.content) + 1000
    with pytest.raises(ConnectionError, match=r"could not download .* pass path="):
        download.fetch(server.url, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_no_such_page_and_no_such_server(server, tmp_path):
    with pytest.raises(ConnectionError, match="Not Found"):
        download.fetch(server.url + "0", tmp_path / "x")
    with pytest.raises(ConnectionError, match="could not download"):
        download.fetch("http://127.0.0.1:9/x", tmp_path / "x")
    with pytest.raises(ValueError, match="must start with https"):
        download.fetch("file:///etc/hostname", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_given_file_is_used_without_the_web(server, tmp_path):
    (tmp_path / "mine.h5ad").write_bytes(server.content)
    assert datasets.pancreas(tmp_path / "mine.h5ad", url=server.url).n_obs == 4
    assert server.n_requests == 0
    with pytest.raises(ValueError, match="sha256"):
        datasets.pancreas(tmp_path / "mine.h5ad", url=server.url, sha256="0" * 64)


def test_another_file_is_not_the_pancreas(tmp_path):
    datasets.toy(20, 20)[0].write_h5ad(tmp_path / "x.h5ad")
    with pytest.raises(ValueError, match="no layer 'counts'"):
        datasets.pancreas(tmp_path / "x.h5ad")


def test_cache_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("ITCLUST_CACHE", raising=False)
    monkeypatch.setattr(download.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert download.cache_dir() == tmp_path / "itclust"
    monkeypatch.setenv("ITCLUST_CACHE", str(tmp_path / "mine"))
    assert download.cache_dir() == tmp_path / "mine"
