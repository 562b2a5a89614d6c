"""Linear support vector machine on log-CP10k, its scores calibrated on held-out source cells (five folds)."""

import numpy as np
from peer import arguments, counts, log_cp10k, write
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import LinearSVC

N_FOLDS = 5

folder, seed = arguments()
source, target = counts(folder)
label = source.obs["label"].astype(str).to_numpy()
types, n = np.unique(label, return_counts=True)
cells = np.arange(len(label))
few = [np.resize(cells[label == t], N_FOLDS) for t in types[n < N_FOLDS]]  # every fold needs every type
cells = np.concatenate([cells[np.isin(label, types[n >= N_FOLDS])], *few])
model = CalibratedClassifierCV(LinearSVC(random_state=seed), cv=N_FOLDS)
model.fit(log_cp10k(source.X)[cells], label[cells])
write(folder, target.obs_names, model.predict_proba(log_cp10k(target.X)), model.classes_, "scikit-learn")
